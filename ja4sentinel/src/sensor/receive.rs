//! A segment's bytes on their way into the connection's stream.

use super::arrival::Arrival;
use super::bench::{Bench, Out};
use super::connection::{Connection, Effect, Stage, length32};
use super::oddities::{Oddities, Oddity};
use crate::flow::{Inserted, Key, Limit};
use crate::hello;
use crate::wire::Segment;

/// The bytes of a segment that lie at or behind stream offset 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arriving<'a> {
    pub(super) segment: &'a Segment<'a>,
    /// What is known about it already.
    pub(super) signs: Oddities,
    /// Stream offset of `payload`.
    pub(super) offset: usize,
    /// Not empty.
    pub(super) payload: &'a [u8],
}

impl Connection {
    /// Puts new bytes in order and reads what is complete.
    pub(super) fn take(
        &mut self,
        key: &Key,
        arriving: &Arriving<'_>,
        bench: &mut Bench,
        out: &mut Out<'_>,
    ) -> Effect {
        let opens = arriving.segment.flags.opens();
        if self.assembler.is_empty() && arriving.offset == 0 && !opens {
            return self.take_directly(key, arriving, bench, out);
        }
        if opens {
            self.syn_bytes = arriving.payload.len();
            self.arrival.oddities.note(Oddity::FastOpen, true);
        }
        let mut inserted = self.insert(arriving, bench);
        if inserted.conflict && !opens && arriving.offset < self.syn_bytes {
            self.forget_syn_bytes(bench);
            inserted = self.insert(arriving, bench);
        }
        if inserted.fresh == 0 {
            bench.counters.retransmissions += u64::from(inserted.known > 0);
            return Effect::None;
        }
        self.arrival.oddities.join(arriving.signs);
        if inserted.ahead {
            bench.counters.gaps += 1;
            return Effect::Progress;
        }
        if self.assembler.prefix().len() < self.read_at.min(bench.bounds.bytes) {
            return Effect::Progress;
        }
        self.read_held(key, arriving.segment.timestamp_ns, bench, out);
        if self.is_settled() { Effect::Settled } else { Effect::Progress }
    }

    /// Reads the bytes that are held without a hole.
    pub(super) fn read_held(
        &mut self,
        key: &Key,
        timestamp_ns: u64,
        bench: &mut Bench,
        out: &mut Out<'_>,
    ) {
        let held = std::mem::take(&mut self.assembler);
        let stream = held.prefix().get(self.read_from..).unwrap_or_default();
        let read = self.read(key, stream, held.boundaries(), timestamp_ns, bench, out);
        let rest = stream.get(read..).unwrap_or_default();
        self.read_at = self.read_from + read + self.worth_reading(rest);
        self.assembler = held;
        if self.is_settled() {
            self.assembler.clear(&mut bench.budget);
        } else if self.syn_bytes > 0 {
            self.read_from += read;
        } else {
            self.assembler.consume(read, &mut bench.budget);
            self.base = self.base.wrapping_add(length32(read));
            self.read_at -= read;
        }
    }

    /// How long a stream that begins with `rest` has to be before it is worth reading again.
    fn worth_reading(&self, rest: &[u8]) -> usize {
        match self.stage {
            Stage::Hello => rest.len() + hello::lacking(rest, 0),
            Stage::Further { open } => rest.len() + hello::lacking(rest, open),
            _ => 0,
        }
    }

    /// The common case: nothing is held and nothing is absent, so that the payload is read where
    /// it lies. What is not complete is copied then.
    fn take_directly(
        &mut self,
        key: &Key,
        arriving: &Arriving<'_>,
        bench: &mut Bench,
        out: &mut Out<'_>,
    ) -> Effect {
        let len = arriving.payload.len();
        self.arrival.oddities.join(arriving.signs);
        self.arrival.note(0, len, &Inserted { fresh: len, ..Inserted::default() });
        let timestamp_ns = arriving.segment.timestamp_ns;
        let read = self.read(key, arriving.payload, &[0], timestamp_ns, bench, out);
        if self.is_settled() {
            return Effect::Settled;
        }
        self.base = self.base.wrapping_add(length32(read));
        let rest = arriving.payload.get(read..).unwrap_or_default();
        self.read_at = 0;
        if !rest.is_empty() {
            self.read_at = self.worth_reading(rest);
            let inserted = self.keep(0, rest, bench);
            self.note_limit(inserted.limit, bench);
        }
        Effect::Progress
    }

    fn insert(&mut self, arriving: &Arriving<'_>, bench: &mut Bench) -> Inserted {
        let Arriving { offset, payload, .. } = *arriving;
        let inserted = self.keep(offset, payload, bench);
        self.arrival.note(offset, payload.len(), &inserted);
        self.note_limit(inserted.limit, bench);
        inserted
    }

    fn keep(&mut self, offset: usize, bytes: &[u8], bench: &mut Bench) -> Inserted {
        if self.assembler.is_empty() && bench.is_tight() {
            return Inserted { limit: Some(Limit::Memory), ..Inserted::default() };
        }
        self.assembler.insert(offset, bytes, &bench.bounds, &mut bench.budget)
    }

    /// A limit is remembered as the likely reason, and does not end the connection: the bytes may
    /// come again when there is room.
    fn note_limit(&mut self, limit: Option<Limit>, bench: &mut Bench) {
        match limit {
            None => return,
            // Far ahead of the hello: it may be complete without these bytes.
            Some(Limit::Bytes) => {
                bench.counters.buffer_exceeded += 1;
                return;
            }
            Some(Limit::Memory) => bench.counters.buffer_exceeded += 1,
            Some(Limit::Pieces) => bench.counters.segment_exceeded += 1,
        }
        self.limit = self.limit.or(limit);
    }

    /// The client sends other bytes in place of those that came with the SYN, so the server has
    /// not accepted those (RFC 7413 section 4.2): the stream begins again.
    fn forget_syn_bytes(&mut self, bench: &mut Bench) {
        self.assembler.clear(&mut bench.budget);
        (self.syn_bytes, self.read_from, self.read_at) = (0, 0, 0);
        self.stage = if self.hellos > 0 { Stage::Hello } else { self.first };
        self.arrival = Arrival::default();
        self.arrival.oddities.note(Oddity::OverlapConflict, true);
    }
}
