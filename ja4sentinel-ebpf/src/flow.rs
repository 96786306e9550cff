//! Connections whose payload has begun: what of them is still wanted.
//!
//! A hello is over when the server has answered: the client's acknowledgement number moves. As long
//! as it stands, everything is handed up, in whatever order it comes; so are bytes before the end of
//! the hello's first TLS record, whatever was acknowledged. What comes after the answer is handed
//! up only if it begins a second ClientHello, which a HelloRetryRequest may have asked for. A
//! preamble (PROXY, STARTTLS) is handed up until a ClientHello begins, or the agent says that
//! nothing more is wanted, or the byte budget is spent.

use ja4sentinel_common::{Counter, HEADER_ROOM};

use crate::event::{self, Outcome};
use crate::hello::{Prefix, Second};
use crate::maps::{self, FLOWS, Flow, SETTLED, Stage};
use crate::packet::Packet;
use crate::syn;
use crate::tcp::{Segment, before};

/// A segment with payload to a watched port.
#[inline(always)]
pub(crate) fn judge(packet: &Packet, segment: &Segment) -> Counter {
    let Some(flow) = FLOWS.get_ptr_mut(&segment.tuple) else {
        return unknown(packet, segment);
    };
    // SAFETY: the lookup gave a live value. Another CPU may write to it at the same time, or it may
    // be recycled: each field is an integer of its own, and a wrong one costs a packet too many or
    // too few of one connection at the worst.
    let flow = unsafe { &mut *flow };
    if flow.stage == Stage::Settled && flow.reopened == 0 {
        return Counter::Settled;
    }
    known(packet, segment, flow)
}

#[inline(never)]
fn known(packet: &Packet, segment: &Segment, flow: &mut Flow) -> Counter {
    if flow.reopened != 0 && (syn::is_kept(segment) || segment.opens()) {
        return take_up(packet, segment);
    }
    if flow.stage == Stage::Settled || settled_by_agent(segment, flow) {
        flow.stage = Stage::Settled;
        return Counter::Settled;
    }
    let Some(prefix) = Prefix::read(packet, segment.payload_at, segment.payload_len) else {
        return Counter::Unreadable;
    };
    let sequence = segment.payload_sequence();
    let in_order = sequence == flow.high;
    if flow.stage == Stage::Opening {
        let begins = prefix.begins_hello() && in_order;
        if begins || (sequence == flow.first && prefix.may_begin_hello()) {
            flow.begin(Stage::First, segment, prefix.record_len());
        }
    } else if segment.acknowledgement != flow.acknowledgement
        && !before(sequence, flow.end)
        && in_order
    {
        match (flow.stage, prefix.second_flight()) {
            (Stage::First, Second::Hello) => flow.begin(Stage::Second, segment, 0),
            (Stage::First, Second::ChangeCipherSpec) => {}
            _ => {
                flow.stage = Stage::Settled;
                return Counter::Settled;
            }
        }
    }
    flow.hand_up(packet, segment, false)
}

/// Payload of a connection that is not in `FLOWS`.
#[inline(never)]
fn unknown(packet: &Packet, segment: &Segment) -> Counter {
    if segment.opens() || syn::is_kept(segment) {
        return take_up(packet, segment);
    }
    match Prefix::read(packet, segment.payload_at, segment.payload_len) {
        Some(prefix) if prefix.may_begin_hello() => take_up(packet, segment),
        Some(_) => Counter::UnknownConnection,
        None => Counter::Unreadable,
    }
}

/// The first payload of a connection.
#[inline(never)]
fn take_up(packet: &Packet, segment: &Segment) -> Counter {
    let Some(prefix) = Prefix::read(packet, segment.payload_at, segment.payload_len) else {
        return Counter::Unreadable;
    };
    let sequence = segment.payload_sequence();
    let syn = if segment.opens() { None } else { syn::take(segment) };
    let mut flow = Flow::new(segment, syn.map_or(sequence, |number| number.wrapping_add(1)));
    if sequence == flow.first && prefix.may_begin_hello() {
        flow.begin(Stage::First, segment, prefix.record_len());
    }
    let counter = match syn.is_some() || segment.opens() {
        true => Counter::ConnectionsWithSyn,
        false => Counter::ConnectionsWithoutSyn,
    };
    packet.tally(counter, 1);
    let verdict = flow.hand_up(packet, segment, syn.is_some());
    if verdict != Counter::HandedUp {
        packet.tally(Counter::ConnectionsLost, 1);
        flow.stage = Stage::Settled;
    }
    if FLOWS.insert(&segment.tuple, &flow, 0).is_err() {
        maps::refused(packet);
    }
    verdict
}

/// The first fragment of a segment: whether its connection's SYN is in the scratch space now, to go
/// with it, or why it is not wanted. Its payload takes no part in what is known of the connection.
#[inline(always)]
pub(crate) fn fragment(packet: &Packet, segment: &Segment) -> Result<bool, Counter> {
    if let Some(flow) = FLOWS.get_ptr_mut(&segment.tuple) {
        // SAFETY: as in `judge`.
        let flow = unsafe { &mut *flow };
        if flow.reopened == 0 {
            if flow.stage == Stage::Settled || settled_by_agent(segment, flow) {
                flow.stage = Stage::Settled;
                return Err(Counter::Settled);
            }
            return Ok(false);
        }
    }
    if !syn::is_kept(segment) {
        return Ok(false);
    }
    let Some(number) = syn::take(segment) else { return Ok(false) };
    let flow = Flow::new(segment, number.wrapping_add(1));
    packet.tally(Counter::ConnectionsWithSyn, 1);
    if FLOWS.insert(&segment.tuple, &flow, 0).is_err() {
        maps::refused(packet);
    }
    Ok(true)
}

/// FIN or RST without payload.
#[inline(never)]
pub(crate) fn close(packet: &Packet, segment: &Segment) -> Counter {
    if let Some(flow) = FLOWS.get_ptr_mut(&segment.tuple) {
        // SAFETY: as in `judge`.
        let flow = unsafe { &mut *flow };
        if flow.reopened == 0 {
            let over = flow.stage == Stage::Settled
                || settled_by_agent(segment, flow)
                || (flow.stage != Stage::Opening
                    && segment.acknowledgement != flow.acknowledgement
                    && !before(segment.sequence, flow.end));
            if !over {
                return flow.hand_up(packet, segment, false);
            }
            // Its ends may be used again, even by a connection whose SYN we miss.
            let _ = FLOWS.remove(&segment.tuple);
            return Counter::Settled;
        }
    }
    if syn::is_kept(segment) {
        syn::forget(segment);
        return Counter::SynClosed;
    }
    Counter::NoPayload
}

/// Whether the agent wants nothing more of the connection.
#[inline(always)]
fn settled_by_agent(segment: &Segment, flow: &Flow) -> bool {
    // SAFETY: one word, which is read at once.
    unsafe { SETTLED.get(&segment.tuple) }.is_some_and(|as_of| *as_of >= flow.since_ns)
}

impl Flow {
    #[inline(always)]
    fn new(segment: &Segment, first: u32) -> Self {
        Self {
            since_ns: event::now(),
            first,
            high: first,
            end: first,
            acknowledgement: segment.acknowledgement,
            spent: 0,
            stage: Stage::Opening,
            reopened: 0,
        }
    }

    /// A hello begins with this segment, its first record of this length.
    #[inline(always)]
    fn begin(&mut self, stage: Stage, segment: &Segment, record_len: u32) {
        self.stage = stage;
        self.acknowledgement = segment.acknowledgement;
        self.end = segment.payload_sequence().wrapping_add(record_len);
    }

    /// Hands up a segment, within the byte budget.
    #[inline(always)]
    fn hand_up(&mut self, packet: &Packet, segment: &Segment, syn: bool) -> Counter {
        if segment.payload_at > HEADER_ROOM as u32 {
            return Counter::HeadersTooLong;
        }
        let left = maps::config().stream_budget.saturating_sub(self.spent);
        let len = segment.payload_len.min(left);
        let outcome = event::write(packet, segment.sequence, segment.payload_at, len, syn);
        self.spent = self.spent.saturating_add(len);
        let end = segment.payload_sequence().wrapping_add(segment.payload_len);
        if before(self.high, end) {
            self.high = end;
        }
        if segment.payload_len >= left && segment.payload_len != 0 {
            self.stage = Stage::Settled;
            packet.tally(Counter::BudgetSpent, 1);
        }
        match outcome {
            Outcome::Written => Counter::HandedUp,
            Outcome::Full => Counter::RingFull,
            Outcome::Unreadable => Counter::Unreadable,
        }
    }
}
