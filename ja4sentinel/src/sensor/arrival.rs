//! How the segments of one hello arrived.

use super::oddities::{Oddities, Oddity, TINY_SEGMENT};
use crate::flow::Inserted;

/// What the segments that carried a hello have shown.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    pub(super) oddities: Oddities,
    /// Segments that brought new bytes.
    pub(super) segments: u32,
    /// Where the first tiny segment ended, as a stream offset.
    tiny_end: Option<usize>,
}

impl Arrival {
    /// Of a hello whose first bytes came in the segment that ended what precedes it.
    pub(super) fn behind(other: &Self, rest: usize) -> Self {
        let segments = u32::from(rest > 0);
        Self { segments, oddities: other.oddities.lasting(), tiny_end: None }
    }

    /// A segment of `len` bytes at stream offset `offset` was put in order.
    pub(super) fn note(&mut self, offset: usize, len: usize, inserted: &Inserted) {
        let (fresh, known) = (inserted.fresh > 0, inserted.known > 0);
        self.oddities.note(Oddity::OutOfOrder, fresh && inserted.ahead);
        self.oddities.note(Oddity::Overlap, fresh && known);
        self.oddities.note(Oddity::OverlapConflict, inserted.conflict);
        self.oddities.note(Oddity::Retransmitted, !fresh && known);
        if fresh {
            self.segments = self.segments.saturating_add(1);
            if len < TINY_SEGMENT {
                let end = offset + len;
                self.tiny_end = Some(self.tiny_end.map_or(end, |first| first.min(end)));
            }
        }
    }

    /// The hello is complete and ended at stream offset `end`.
    pub(super) fn complete(&mut self, end: usize, message_len: usize, tls_records: u32) {
        let tiny = self.tiny_end.is_some_and(|tiny| tiny < end);
        self.oddities.note(Oddity::TinySegments, tiny);
        let needed = message_len.div_ceil(MAX_PLAINTEXT);
        self.oddities.note(Oddity::SplitRecords, tls_records as usize > needed);
    }
}

/// Most bytes of a message that a TLS record can hold (RFC 8446 section 5.1).
const MAX_PLAINTEXT: usize = 1 << 14;
