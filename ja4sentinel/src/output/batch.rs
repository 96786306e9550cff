//! Lines on their way to a sink.

use std::collections::VecDeque;

/// Whole lines, of which the sink takes bytes from the front.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where each line that is not yet wholly taken ends, and when its packet came, nanoseconds
    /// since the UNIX epoch, if that is known.
    ends: VecDeque<(usize, Option<u64>)>,
    /// Where the first of them begins.
    start: usize,
    /// How far the sink came.
    taken: usize,
}

impl Batch {
    /// A larger write costs no fewer system calls a record that matter.
    pub(super) const BYTES: usize = 64 * 1024;

    /// Bytes that are kept for use again when all lines are taken; a hello of 64 KiB makes a line
    /// far longer.
    const KEPT: usize = 2 * Self::BYTES;

    /// Bytes that a line takes beside its own.
    const OVERHEAD: usize = size_of::<(usize, Option<u64>)>();

    /// Appends a line, whose packet came then. Gives the bytes that it takes.
    pub(super) fn push(&mut self, packet_ns: u64, line: impl FnOnce(&mut Vec<u8>)) -> usize {
        let begin = self.bytes.len();
        line(&mut self.bytes);
        self.ends.push_back((self.bytes.len(), Some(packet_ns)));
        self.bytes.len() - begin + Self::OVERHEAD
    }

    /// Takes the last line back; none of it was taken yet.
    pub(super) fn pull(&mut self) {
        self.ends.pop_back();
        self.bytes.truncate(self.ends.back().map_or(self.start, |(end, _)| *end));
    }

    /// The same without any line, ready to be filled.
    pub(super) fn emptied(mut self) -> Self {
        self.ends.clear();
        self.forget_taken();
        self
    }

    /// Takes over whole lines, in place of what was there.
    pub(super) fn load(&mut self, lines: Vec<u8>) {
        let ends = lines.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        self.ends = ends.map(|(at, _)| (at + 1, None)).collect();
        self.bytes = lines;
        (self.start, self.taken) = (0, 0);
    }

    /// The lines that are not yet wholly taken, from their beginning.
    pub(super) fn unfinished(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Whether there is enough for one write.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= Self::BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Lines not yet wholly taken.
    pub(super) fn lines(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Bytes that all lines take, of which none was taken yet.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.ends.len() * Self::OVERHEAD
    }

    /// Bytes not yet taken.
    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Notes that the sink took `bytes`; returns how many lines are now wholly taken, and when
    /// their packets came.
    pub(super) fn advance(&mut self, bytes: usize) -> (u64, Vec<u64>) {
        self.taken += bytes;
        let done = self.ends.partition_point(|(end, _)| *end <= self.taken);
        if let Some((end, _)) = done.checked_sub(1).and_then(|last| self.ends.get(last)) {
            self.start = *end;
        }
        let packets = self.ends.drain(..done).filter_map(|(_, packet_ns)| packet_ns).collect();
        self.forget_taken();
        (done as u64, packets)
    }

    /// Goes back to the beginning of a line that was taken in part.
    pub(super) fn rewind(&mut self) {
        self.taken = self.start;
    }

    /// Leaves out the first line that is not yet wholly taken.
    pub(super) fn skip(&mut self) {
        if let Some((end, _)) = self.ends.pop_front() {
            (self.start, self.taken) = (end, end);
        }
        self.forget_taken();
    }

    fn forget_taken(&mut self) {
        if self.ends.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(Self::KEPT);
            (self.start, self.taken) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lines: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for (number, line) in (0..).zip(lines) {
            batch.push(number, |bytes| bytes.extend_from_slice(line.as_bytes()));
        }
        batch
    }

    #[test]
    fn lines_are_done_when_their_last_byte_is_taken() {
        let mut batch = batch(&["ab\n", "cd\n", "ef\n"]);
        assert_eq!(batch.advance(2), (0, vec![]));
        assert_eq!(batch.advance(3), (1, vec![0]));
        assert_eq!((batch.pending(), batch.lines()), (&b"\nef\n"[..], 2));
        batch.rewind();
        assert_eq!(batch.pending(), b"cd\nef\n");
        batch.skip();
        assert_eq!((batch.pending(), batch.unfinished()), (&b"ef\n"[..], &b"ef\n"[..]));
        assert_eq!(batch.advance(3), (1, vec![2]));
        assert!(batch.is_empty() && batch.pending().is_empty());
        batch.load(b"gh\nij\n".to_vec());
        assert_eq!((batch.lines(), batch.advance(4)), (2, (1, vec![])));
        assert_eq!(batch.unfinished(), b"ij\n");
    }
}
