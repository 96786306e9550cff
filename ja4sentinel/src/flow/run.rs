//! One stretch of a stream without a hole.

/// Bytes without a hole. Room is kept where they grew last, at the end or in front, so that one
/// byte at a time costs the same in either direction.
#[derive(Debug)]
pub(super) struct Run {
    /// Offset of the first byte.
    pub(super) start: usize,
    /// Unused bytes at the start of `buffer`.
    head: usize,
    buffer: Vec<u8>,
}

impl Run {
    pub(super) fn at(start: usize) -> Self {
        Self { start, head: 0, buffer: Vec::new() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.head..).unwrap_or_default()
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.buffer.len() - self.head
    }

    /// Bytes of memory that it holds.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The bytes at the offsets `from..to`.
    pub(super) fn slice(&self, from: usize, to: usize) -> Option<&[u8]> {
        self.bytes().get(from.checked_sub(self.start)?..to.checked_sub(self.start)?)
    }

    /// The capacity to grow to, so that the offsets `start..end` find room: twice as much as there
    /// is, up to `most`, or what is needed. `None` when there is room.
    pub(super) fn capacity_for(&self, start: usize, end: usize, most: usize) -> Option<usize> {
        let held = self.buffer.capacity();
        let (front, back) = (self.start - start, end - self.end());
        if front <= self.head && self.buffer.len() + back <= held {
            return None;
        }
        let head = if front > 0 { front } else { self.head };
        let needed = head + self.bytes().len() + back;
        Some(needed.max((2 * held).min(most)))
    }

    /// Moves to a buffer of that capacity, which has room for the offsets `start..end`.
    pub(super) fn move_to(&mut self, capacity: usize, start: usize, end: usize) {
        if start == self.start {
            self.buffer.reserve_exact(capacity.saturating_sub(self.buffer.len()));
            return;
        }
        let mut buffer = Vec::with_capacity(capacity);
        buffer.resize(capacity.saturating_sub(end - self.start), 0);
        let head = buffer.len();
        buffer.extend_from_slice(self.bytes());
        (self.head, self.buffer) = (head, buffer);
    }

    /// Appends what a segment at `offset` has between the end of this run and `to`.
    pub(super) fn append(&mut self, offset: usize, bytes: &[u8], to: usize) {
        let from = self.end().saturating_sub(offset);
        let to = to.saturating_sub(offset);
        self.buffer.extend_from_slice(bytes.get(from..to).unwrap_or_default());
    }

    /// Appends another run, which begins where this one ends.
    pub(super) fn join(&mut self, next: &Self) {
        self.buffer.extend_from_slice(next.bytes());
    }

    /// Forgets the first `count` bytes, which moves `start`.
    pub(super) fn cut_front(&mut self, count: usize) {
        self.buffer.drain(..self.head + count);
        self.start += count;
        self.head = 0;
    }

    /// Puts `bytes` in front, into the room that is there.
    pub(super) fn prepend(&mut self, bytes: &[u8]) {
        let head = self.head.saturating_sub(bytes.len());
        if let Some(room) = self.buffer.get_mut(head..self.head) {
            room.copy_from_slice(bytes);
            (self.start, self.head) = (self.start - bytes.len(), head);
        }
    }
}
