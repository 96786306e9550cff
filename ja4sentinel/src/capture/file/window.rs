//! A sliding view of an input: what is wanted next lies contiguous in memory.

use std::io::{self, ErrorKind, Read};
use std::mem;
use std::ops::Range;

/// Bytes of an input, in order, behind one buffer that is filled by large reads.
pub(super) struct Window {
    input: Box<dyn Read + Send>,
    /// Most bytes asked of the input at once.
    piece: usize,
    memory: Vec<u8>,
    /// Where it goes on once the memory is spent, which is left as it is then.
    other: Option<Vec<u8>>,
    /// The memory that was left.
    left: Vec<u8>,
    start: usize,
    end: usize,
    /// Position of `start` in the input.
    offset: u64,
    fault: Option<io::Error>,
}

impl Window {
    /// Small enough to stay in a core's second-level cache, large enough to make reads rare.
    const SIZE: usize = 256 * 1024;

    pub(super) fn new(input: Box<dyn Read + Send>, piece: usize) -> Self {
        Self {
            input,
            piece,
            memory: vec![0; Self::SIZE],
            other: None,
            left: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            fault: None,
        }
    }

    /// Position in the input of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes at hand: at least `wanted` of them unless the input ends, or fails, before that.
    #[inline]
    pub(super) fn peek(&mut self, wanted: usize) -> &[u8] {
        if self.end - self.start < wanted {
            self.fill(wanted);
        }
        self.memory.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes the next `count` bytes, which a call of [`Window::peek`] has shown.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        let begin = self.start;
        self.start = self.end.min(begin.saturating_add(count));
        self.offset += (self.start - begin) as u64;
        self.memory.get(begin..self.start).unwrap_or_default()
    }

    /// Passes over the next `count` bytes without holding them; false when the input ends before.
    pub(super) fn skip(&mut self, mut count: u64) -> bool {
        while count > 0 {
            let at_hand = self.peek(1).len();
            if at_hand == 0 {
                return false;
            }
            let step = usize::try_from(count).map_or(at_hand, |count| count.min(at_hand));
            self.take(step);
            count -= step as u64;
        }
        true
    }

    /// Whether the input has ended well and nothing is left of it.
    pub(super) fn at_end(&mut self) -> bool {
        self.peek(1).is_empty() && self.fault.is_none()
    }

    /// Why the input could not be read on, when it did not just end.
    pub(super) fn fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    /// From here on what was shown stays where it is; when the memory is spent, the window goes on in
    /// this one.
    pub(super) fn go_on_in(&mut self, other: Vec<u8>) {
        self.other = Some(other);
    }

    /// Whether it has gone on in another memory.
    pub(super) fn has_left(&self) -> bool {
        self.other.is_none()
    }

    /// Leaves the memory that was shown, if that is not done yet, and hands it out.
    pub(super) fn leave(&mut self) -> Vec<u8> {
        if !self.has_left() {
            self.make_room();
        }
        mem::take(&mut self.left)
    }

    /// Where in the memory bytes lie that were shown last.
    pub(super) fn place(&self, bytes: Range<*const u8>) -> Range<usize> {
        let memory = self.memory.as_ptr().addr();
        bytes.start.addr().wrapping_sub(memory)..bytes.end.addr().wrapping_sub(memory)
    }

    #[cold]
    fn fill(&mut self, wanted: usize) {
        if self.memory.len() - self.start < wanted {
            self.make_room();
        }
        while self.end - self.start < wanted && self.fault.is_none() {
            if self.end == self.memory.len() {
                // Grows in step with what has really arrived, never by what a length field says.
                self.memory.resize(self.memory.len() * 2, 0);
            }
            let limit = self.memory.len().min(self.end + self.piece);
            let space = self.memory.get_mut(self.end..limit).unwrap_or_default();
            match self.input.read(space) {
                Ok(0) => break,
                Ok(count) => self.end += count.min(limit - self.end),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.fault = Some(error),
            }
        }
    }

    /// What is at hand moves to the front, here or in another memory.
    fn make_room(&mut self) {
        let at_hand = self.start..self.end;
        (self.start, self.end) = (0, at_hand.len());
        let Some(mut other) = self.other.take() else {
            return self.memory.copy_within(at_hand, 0);
        };
        other.resize(Self::SIZE.max(at_hand.len()), 0);
        let (front, held) = (other.get_mut(..at_hand.len()), self.memory.get(at_hand));
        front.unwrap_or_default().copy_from_slice(held.unwrap_or_default());
        self.left = mem::replace(&mut self.memory, other);
    }
}
