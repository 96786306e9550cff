//! Frames in the order of their times, and the capture that they are written to.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io::{self, BufWriter, Write};

/// When every corpus begins, microseconds since 1970.
const BEGINNING: u64 = 1_760_000_000_000_000;

/// Bytes of a frame that the capture promises to hold at most.
const SNAPLEN: u32 = 262_144;

/// Frames that are known, up to the time at which nothing earlier can come any more.
pub(super) struct Schedule<'a> {
    capture: BufWriter<&'a mut dyn Write>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    added: u64,
}

/// A frame that is not written yet.
struct Waiting {
    /// Microseconds since the beginning.
    time: u64,
    /// Which one it was to be added: among equal times the first comes first.
    number: u64,
    frame: Vec<u8>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(capture: &'a mut dyn Write) -> io::Result<Self> {
        let mut capture = BufWriter::with_capacity(1 << 20, capture);
        // The classic format, little-endian, microseconds, version 2.4, Ethernet.
        capture.write_all(&0xa1b2_c3d4_u32.to_le_bytes())?;
        capture.write_all(&[2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
        capture.write_all(&SNAPLEN.to_le_bytes())?;
        capture.write_all(&1_u32.to_le_bytes())?;
        Ok(Self { capture, waiting: BinaryHeap::new(), added: 0 })
    }

    /// Adds frames at a time, microseconds since the beginning.
    pub(super) fn add(&mut self, time: u64, frames: Vec<Vec<u8>>) {
        for frame in frames {
            self.added += 1;
            self.waiting.push(Reverse(Waiting { time, number: self.added, frame }));
        }
    }

    /// Writes what comes before `time`.
    pub(super) fn write_until(&mut self, time: u64) -> io::Result<()> {
        while self.waiting.peek().is_some_and(|Reverse(next)| next.time < time) {
            let Some(Reverse(next)) = self.waiting.pop() else { break };
            let stamp = BEGINNING + next.time;
            let size = u32::try_from(next.frame.len()).unwrap_or(SNAPLEN).to_le_bytes();
            let seconds = u32::try_from(stamp / 1_000_000).unwrap_or(u32::MAX).to_le_bytes();
            let micros = u32::try_from(stamp % 1_000_000).unwrap_or_default().to_le_bytes();
            self.capture.write_all([seconds, micros, size, size].as_flattened())?;
            self.capture.write_all(&next.frame)?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.write_until(u64::MAX)?;
        self.capture.flush()
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.number).cmp(&(other.time, other.number))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}
