//! The bytes of one direction, put in order.
//!
//! Positions are stream offsets: 0 is the first byte that is still of interest. What is known from
//! there on without a hole is the *prefix*; the rest waits in pieces behind holes. Where segments
//! overlap, the bytes that came first stay.

use std::ops::Range;

use super::run::Run;
use super::{Bounds, Budget, Limit};

/// Client bytes of one connection.
#[derive(Debug, Default)]
pub struct Assembler {
    /// Sorted by offset, neither overlapping nor touching; one that starts at 0 is the prefix.
    runs: Vec<Run>,
    /// Offsets at which segments with only new bytes began, sorted; kept on request.
    boundaries: Vec<u32>,
}

/// What became of the bytes of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inserted {
    /// Bytes that were not known before and are kept.
    pub fresh: usize,
    /// Bytes that were known before.
    pub known: usize,
    /// Whether a known byte had another value.
    pub conflict: bool,
    /// Whether the segment began behind a hole.
    pub ahead: bool,
    /// Why bytes were left out.
    pub limit: Option<Limit>,
}

impl Assembler {
    /// The bytes without a hole, from offset 0.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.runs.first().filter(|run| run.start == 0).map_or(&[], Run::bytes)
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many pieces wait behind holes.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.runs.len() - usize::from(!self.prefix().is_empty())
    }

    /// Where segments began, sorted; empty unless [`Bounds::boundaries`] asked for it.
    #[must_use]
    pub fn boundaries(&self) -> &[u32] {
        &self.boundaries
    }

    /// Bytes of memory that count against the budget.
    #[must_use]
    pub fn footprint(&self) -> usize {
        let bytes: usize = self.runs.iter().map(Run::capacity).sum();
        bytes
            + self.runs.capacity() * size_of::<Run>()
            + self.boundaries.capacity() * size_of::<u32>()
    }

    /// Adds the bytes of a segment that begins at `offset`.
    pub fn insert(
        &mut self,
        offset: usize,
        bytes: &[u8],
        bounds: &Bounds,
        budget: &mut Budget,
    ) -> Inserted {
        let ahead = offset > self.prefix().len();
        let mut done = Inserted { ahead, ..Inserted::default() };
        let room = bounds.bytes.saturating_sub(offset);
        let (bytes, beyond) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        if !beyond.is_empty() {
            done.limit = Some(Limit::Bytes);
        }
        let end = offset + bytes.len();
        let first = self.runs.partition_point(|run| run.end() < offset);
        let behind = self.runs.partition_point(|run| run.start <= end);
        for run in self.runs.get(first..behind).unwrap_or_default() {
            let (from, to) = (run.start.max(offset), run.end().min(end));
            done.known += to.saturating_sub(from);
            done.conflict |= run.slice(from, to) != bytes.get(from - offset..to - offset);
        }
        let fresh = bytes.len() - done.known;
        if fresh > 0 {
            let before = self.footprint();
            match self.merge(first..behind, offset, bytes, bounds, budget) {
                Ok(()) => {
                    done.fresh = fresh;
                    if offset < bounds.boundaries && done.known == 0 {
                        let at = self.boundaries.partition_point(|b| (*b as usize) < offset);
                        self.boundaries.insert(at, offset32(offset));
                    }
                }
                Err(limit) => done.limit = Some(limit),
            }
            budget.settle(before, self.footprint());
        }
        done
    }

    /// Forgets the first `count` bytes of the prefix: offset 0 moves behind them.
    pub fn consume(&mut self, count: usize, budget: &mut Budget) {
        let before = self.footprint();
        let count = count.min(self.prefix().len());
        if let Some(prefix) = self.runs.first_mut().filter(|_| count > 0) {
            prefix.cut_front(count);
        }
        self.runs.retain(|run| !run.bytes().is_empty());
        for run in &mut self.runs {
            run.start -= count;
        }
        self.boundaries.retain(|at| *at as usize >= count);
        for at in &mut self.boundaries {
            *at -= offset32(count);
        }
        if self.runs.is_empty() {
            *self = Self::default();
        }
        budget.settle(before, self.footprint());
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self, budget: &mut Budget) {
        budget.settle(self.footprint(), 0);
        *self = Self::default();
    }

    /// Joins a segment with the runs in `touched`, which it overlaps or borders on.
    fn merge(
        &mut self,
        touched: Range<usize>,
        offset: usize,
        bytes: &[u8],
        bounds: &Bounds,
        budget: &Budget,
    ) -> Result<(), Limit> {
        if touched.is_empty() && offset > 0 && self.pieces() >= bounds.pieces {
            return Err(Limit::Pieces);
        }
        let runs = self.runs.get(touched.clone()).unwrap_or_default();
        let start = runs.first().map_or(offset, |run| run.start.min(offset));
        let end = runs.last().map_or(0, Run::end).max(offset + bytes.len());
        let capacity = match runs.first() {
            Some(run) => run.capacity_for(start, end, bounds.bytes),
            None => Some(end - start),
        };
        let held = runs.first().map_or(0, Run::capacity);
        let growth = capacity.map_or(0, |capacity| capacity.saturating_sub(held));
        // What the list of runs, or that of boundaries, can grow by in this step.
        let lists = (self.runs.capacity().max(4) * size_of::<Run>())
            + (self.boundaries.capacity().max(4) * size_of::<u32>());
        if !budget.has(growth + lists) {
            return Err(Limit::Memory);
        }
        let mut touched_runs = self.runs.drain(touched.clone());
        let mut run = touched_runs.next().unwrap_or_else(|| Run::at(offset));
        if let Some(capacity) = capacity {
            run.move_to(capacity, start, end);
        }
        run.prepend(bytes.get(..run.start - start).unwrap_or_default());
        for held in touched_runs {
            run.append(offset, bytes, held.start);
            run.join(&held);
        }
        run.append(offset, bytes, end);
        self.runs.insert(touched.start, run);
        Ok(())
    }
}

/// Offsets stay below [`Bounds::bytes`], far from the end of 32 bits.
fn offset32(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1000, pieces: 3, boundaries: 1000 };

    fn assembler(segments: &[(usize, &[u8])]) -> (Assembler, Budget, Vec<Inserted>) {
        let (mut assembler, mut budget) = (Assembler::default(), Budget::new(1 << 20));
        let done = segments
            .iter()
            .map(|(at, bytes)| assembler.insert(*at, bytes, &BOUNDS, &mut budget))
            .collect();
        assert_eq!(budget.used(), assembler.footprint());
        (assembler, budget, done)
    }

    #[test]
    fn holes_close_from_either_side() {
        let (mut held, mut budget, done) =
            assembler(&[(4, b"ef"), (0, b"ab"), (6, b"g"), (3, b"d"), (2, b"c")]);
        assert_eq!(held.prefix(), b"abcdefg");
        assert_eq!(held.pieces(), 0);
        assert_eq!(
            done.iter().map(|d| d.ahead).collect::<Vec<_>>(),
            [true, false, true, true, false]
        );
        assert_eq!(held.boundaries(), [0, 2, 3, 4, 6]);
        held.consume(3, &mut budget);
        assert_eq!((held.prefix(), held.boundaries()), (&b"defg"[..], &[0, 1, 3][..]));
        held.consume(9, &mut budget);
        assert_eq!((held.prefix(), budget.used()), (&b""[..], 0));
    }

    #[test]
    fn first_bytes_stay_and_a_conflict_shows() {
        let (held, _, done) = assembler(&[(2, b"cd"), (5, b"f"), (0, b"abXdeYg")]);
        assert_eq!(held.prefix(), b"abcdefg");
        let last = done[2];
        assert_eq!((last.fresh, last.known, last.conflict), (4, 3, true));
        let (_, _, done) = assembler(&[(0, b"abcd"), (1, b"bc"), (0, b"abcd"), (3, b"de")]);
        assert!(done.iter().all(|d| !d.conflict));
        assert_eq!(done.iter().map(|d| d.fresh).collect::<Vec<_>>(), [4, 0, 0, 1]);
    }

    #[test]
    fn limits_leave_out_bytes_and_say_why() {
        let (held, _, done) =
            assembler(&[(2, b"c"), (4, b"e"), (6, b"g"), (8, b"i"), (7, b"h"), (0, b"a")]);
        assert_eq!(done[3].limit, Some(Limit::Pieces), "a fourth piece behind a hole");
        assert_eq!(done[4].limit, None, "one that joins a held piece");
        assert_eq!(done[5].limit, None, "the prefix is no piece");
        assert_eq!(held.pieces(), 3);

        let (held, _, done) = assembler(&[(998, b"abc"), (1000, b"x"), (4000, b"x")]);
        assert_eq!(done.iter().map(|d| d.fresh).collect::<Vec<_>>(), [2, 0, 0]);
        assert!(done.iter().all(|d| d.limit == Some(Limit::Bytes)));
        assert_eq!(held.pieces(), 1);

        let (mut held, mut budget) = (Assembler::default(), Budget::new(700));
        assert_eq!(held.insert(0, &[1; 100], &BOUNDS, &mut budget).limit, None);
        assert_eq!(held.insert(100, &[1; 500], &BOUNDS, &mut budget).limit, Some(Limit::Memory));
        assert_eq!(held.prefix().len(), 100);
        assert!(budget.used() <= 700);
        held.clear(&mut budget);
        assert_eq!(budget.used(), 0);
    }

    proptest! {
        #[test]
        fn agrees_with_a_byte_map(
            segments in prop::collection::vec((0usize..60, prop::collection::vec(0u8..3, 0..20)), 0..40),
            consume in 0usize..30,
        ) {
            let bounds = Bounds { bytes: 64, pieces: 100, boundaries: 32 };
            let mut budget = Budget::new(usize::MAX);
            let mut held = Assembler::default();
            let mut model = [None; 64];
            for (at, bytes) in &segments {
                let mut expected = Inserted {
                    ahead: *at > model.iter().position(Option::is_none).unwrap_or(64),
                    limit: (at + bytes.len() > 64 && !bytes.is_empty()).then_some(Limit::Bytes),
                    ..Inserted::default()
                };
                for (i, byte) in bytes.iter().enumerate() {
                    match model.get_mut(at + i) {
                        Some(Some(old)) => {
                            expected.known += 1;
                            expected.conflict |= old != byte;
                        }
                        Some(slot) => {
                            expected.fresh += 1;
                            *slot = Some(*byte);
                        }
                        None => {}
                    }
                }
                prop_assert_eq!(held.insert(*at, bytes, &bounds, &mut budget), expected);
                let prefix: Vec<u8> = model.iter().map_while(|b| *b).collect();
                prop_assert_eq!(held.prefix(), prefix);
                prop_assert_eq!(budget.used(), held.footprint());
            }
            let consumed = consume.min(held.prefix().len());
            held.consume(consume, &mut budget);
            let prefix: Vec<u8> = model.iter().skip(consumed).map_while(|b| *b).collect();
            prop_assert_eq!(held.prefix(), prefix);
            let pieces = model.split(Option::is_none).skip(1).filter(|run| !run.is_empty()).count();
            prop_assert_eq!(held.pieces(), pieces);
            held.clear(&mut budget);
            prop_assert_eq!(budget.used(), 0);
        }
    }
}
