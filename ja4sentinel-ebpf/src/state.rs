//! What is known of a connection whose payload has begun.

use ja4sentinel_common::{Counter, HEADER_ROOM};

use crate::event;
use crate::maps::{self, SETTLED};
use crate::packet::Packet;
use crate::tcp::before;
use crate::view::View;

/// A connection whose payload has begun.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    /// When it was taken up, `CLOCK_BOOTTIME`.
    pub(crate) since_ns: u64,
    /// Sequence number of its first payload byte.
    pub(crate) first: u32,
    /// Sequence number behind the furthest payload byte seen.
    pub(crate) high: u32,
    /// Sequence number behind the first TLS record of the hello, as far as that is known: nothing
    /// before it is left out.
    pub(crate) end: u32,
    /// Acknowledgement number of the hello's segments: while it stands the server said nothing,
    /// so what comes belongs to the hello or its early data.
    pub(crate) acknowledgement: u32,
    /// Payload bytes handed up.
    pub(crate) spent: u32,
    /// How far it is.
    pub(crate) stage: Stage,
    /// Whether another SYN came between the same ends, and may have begun a new connection: 0 or 1.
    pub(crate) reopened: u8,
    /// Whether `acknowledgement` is yet to be learnt, since the hello came in a SYN: 0 or 1.
    pub(crate) fast_open: u8,
}

/// How far a connection in `FLOWS` is.
#[repr(u16)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing looked like a ClientHello yet: perhaps a preamble.
    Opening = 0,
    /// The first hello has begun, or is over; a HelloRetryRequest may ask for a second.
    First = 1,
    /// The second hello has begun.
    Second = 2,
    /// Nothing more is wanted.
    Settled = 3,
}

impl Flow {
    /// One whose first payload is at hand, at this sequence number.
    #[inline(always)]
    pub(crate) fn new(packet: &Packet, first: u32) -> Self {
        let view = packet.view();
        let order = &mut packet.scratch().order;
        order.first = 1;
        order.since_ns = event::now();
        Self {
            since_ns: order.since_ns,
            first,
            high: first,
            end: first,
            acknowledgement: view.acknowledgement,
            spent: 0,
            stage: Stage::Opening,
            reopened: 0,
            fast_open: u8::from(view.opens()),
        }
    }

    /// A hello begins with this segment, its first record of this length.
    #[inline(always)]
    pub(crate) fn begin(&mut self, stage: Stage, view: &View, record_len: u32) {
        self.stage = stage;
        self.acknowledgement = view.acknowledgement;
        self.end = view.payload_sequence().wrapping_add(record_len);
    }

    /// Whether nothing of a connection between these ends is wanted, new ones left aside whose SYN we
    /// would see.
    #[inline(always)]
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Settled && self.reopened == 0
    }

    /// Whether this segment comes after the server's answer to the hello.
    #[inline(always)]
    pub(crate) fn is_answered(&self, view: &View) -> bool {
        view.acknowledgement != self.acknowledgement && !before(view.payload_sequence(), self.end)
    }

    /// Whether nothing more is wanted of the connection, or the agent said so meanwhile.
    #[inline(always)]
    pub(crate) fn is_settled(&mut self, packet: &Packet) -> bool {
        if self.stage != Stage::Settled {
            // SAFETY: one word, which is read at once.
            let word = unsafe { SETTLED.get(&packet.view().tuple) };
            if word.is_some_and(|as_of| *as_of >= self.since_ns) {
                self.stage = Stage::Settled;
            }
        }
        self.stage == Stage::Settled
    }

    /// Orders that a segment be handed up, within the byte budget. `Ok` is `HandedUp`.
    #[inline(always)]
    pub(crate) fn order(&mut self, packet: &Packet) -> Result<Counter, Counter> {
        let view = packet.view();
        if view.payload_at > HEADER_ROOM as u32 {
            return Err(Counter::HeadersTooLong);
        }
        let left = maps::config().stream_budget.saturating_sub(self.spent);
        let len = view.payload_len.min(left);
        let order = &mut packet.scratch().order;
        order.headers = view.payload_at;
        order.payload = len;
        order.sequence = view.sequence;
        self.spent = self.spent.saturating_add(len);
        let end = view.payload_sequence().wrapping_add(view.payload_len);
        if before(self.high, end) {
            self.high = end;
        }
        if view.payload_len >= left && view.payload_len != 0 {
            self.stage = Stage::Settled;
            packet.tally(Counter::BudgetSpent, 1);
        }
        Ok(Counter::HandedUp)
    }
}
