//! Connections whose payload has begun: what of them is still wanted.
//!
//! A hello is over when the server has answered: the client's acknowledgement number moves. As long
//! as it stands, everything is handed up, in whatever order it comes; so are bytes before the end of
//! the hello's first TLS record, whatever was acknowledged. What comes after the answer is handed
//! up only if it begins a second ClientHello, which a HelloRetryRequest may have asked for. A
//! preamble (PROXY, STARTTLS) is handed up until a ClientHello begins, or the agent says that
//! nothing more is wanted, or the byte budget is spent.

use ja4sentinel_common::Counter;

use crate::hello::{self, Second};
use crate::maps::{self, FLOWS};
use crate::packet::Packet;
use crate::state::{Flow, Stage};
use crate::syn;

/// A segment with payload to a watched port.
#[inline(always)]
pub(crate) fn judge(packet: &Packet) -> Counter {
    let Some(flow) = FLOWS.get_ptr_mut(&packet.view().tuple) else {
        return unknown(packet);
    };
    // SAFETY: the lookup gave a live value. Another CPU may write to it at the same time, or it may
    // be recycled: each field is an integer of its own, and a wrong one costs a packet too many or
    // too few of one connection at the worst.
    let flow = unsafe { &mut *flow };
    if flow.stage == Stage::Settled && flow.reopened == 0 {
        return Counter::Settled;
    }
    known(packet, flow)
}

/// Payload of a connection that is in `FLOWS`.
#[inline(never)]
fn known(packet: &Packet, flow: &mut Flow) -> Counter {
    let view = packet.view();
    if flow.reopened != 0 && (view.opens() || syn::is_kept(packet)) {
        return take_up(packet);
    }
    if flow.is_settled(packet) {
        return Counter::Settled;
    }
    if hello::read_prefix(packet).is_none() {
        return Counter::Unreadable;
    }
    if flow.fast_open != 0 && !view.opens() {
        flow.fast_open = 0;
        flow.acknowledgement = view.acknowledgement;
    }
    let sequence = view.payload_sequence();
    let in_order = sequence == flow.high;
    if flow.stage == Stage::Opening {
        let begins = in_order && view.begins_hello();
        if begins || (sequence == flow.first && view.may_begin_hello()) {
            flow.begin(Stage::First, view, view.record_len());
        }
    } else if in_order && flow.is_answered(view) {
        match (flow.stage, view.second_flight()) {
            (Stage::First, Second::Hello) => flow.begin(Stage::Second, view, 0),
            (Stage::First, Second::ChangeCipherSpec) => {}
            _ => {
                flow.stage = Stage::Settled;
                return Counter::Settled;
            }
        }
    }
    packet.scratch().order.syn = 0;
    flow.hand_up(packet)
}

/// Payload of a connection that is not in `FLOWS`.
#[inline(never)]
fn unknown(packet: &Packet) -> Counter {
    let view = packet.view();
    if !view.opens() && !syn::is_kept(packet) {
        if hello::read_prefix(packet).is_none() {
            return Counter::Unreadable;
        }
        if !view.may_begin_hello() {
            return Counter::UnknownConnection;
        }
    }
    take_up(packet)
}

/// The first payload of a connection.
#[inline(never)]
fn take_up(packet: &Packet) -> Counter {
    let view = packet.view();
    if hello::read_prefix(packet).is_none() {
        return Counter::Unreadable;
    }
    let sequence = view.payload_sequence();
    let syn = if view.opens() { None } else { syn::take(packet) };
    let mut flow = Flow::new(view, syn.map_or(sequence, |number| number.wrapping_add(1)));
    if sequence == flow.first && view.may_begin_hello() {
        flow.begin(Stage::First, view, view.record_len());
    }
    if syn.is_some() || view.opens() {
        packet.tally(Counter::ConnectionsWithSyn, 1);
    } else {
        packet.tally(Counter::ConnectionsWithoutSyn, 1);
    }
    packet.scratch().order.syn = u32::from(syn.is_some());
    let verdict = flow.hand_up(packet);
    if verdict != Counter::HandedUp {
        packet.tally(Counter::ConnectionsLost, 1);
        flow.stage = Stage::Settled;
    }
    if FLOWS.insert(&view.tuple, &flow, 0).is_err() {
        maps::refused(packet);
    }
    verdict
}

/// The first fragment of a segment: why it is not wanted, or nothing, and then its connection's
/// SYN is ordered along with it if it is kept. Its payload takes no part in what is known of the
/// connection.
#[inline(always)]
pub(crate) fn fragment(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    if let Some(flow) = FLOWS.get_ptr_mut(&view.tuple) {
        // SAFETY: as in `judge`.
        let flow = unsafe { &mut *flow };
        if flow.reopened == 0 {
            return if flow.is_settled(packet) { Err(Counter::Settled) } else { Ok(()) };
        }
    }
    if !syn::is_kept(packet) {
        return Ok(());
    }
    let Some(number) = syn::take(packet) else { return Ok(()) };
    let flow = Flow::new(view, number.wrapping_add(1));
    packet.tally(Counter::ConnectionsWithSyn, 1);
    packet.scratch().order.syn = 1;
    if FLOWS.insert(&view.tuple, &flow, 0).is_err() {
        maps::refused(packet);
    }
    Ok(())
}

/// FIN or RST without payload.
#[inline(never)]
pub(crate) fn close(packet: &Packet) -> Counter {
    let view = packet.view();
    if let Some(flow) = FLOWS.get_ptr_mut(&view.tuple) {
        // SAFETY: as in `judge`.
        let flow = unsafe { &mut *flow };
        if flow.reopened == 0 {
            let over = flow.stage != Stage::Opening && flow.is_answered(view);
            if !over && !flow.is_settled(packet) {
                packet.scratch().order.syn = 0;
                return flow.hand_up(packet);
            }
            // Its ends may be used again, even by a connection whose SYN we miss.
            let _ = FLOWS.remove(&view.tuple);
            return Counter::Settled;
        }
    }
    if syn::is_kept(packet) {
        syn::forget(packet);
        return Counter::SynClosed;
    }
    Counter::NoPayload
}
