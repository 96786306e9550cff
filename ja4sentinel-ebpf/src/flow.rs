//! Connections whose payload has begun: what of them is still wanted.
//!
//! A hello is over when the server has answered: the client's acknowledgement number moves. As long
//! as it stands, everything is handed up, in whatever order it comes; so are bytes before the end of
//! the hello's first TLS record, whatever was acknowledged. What comes after the answer is handed
//! up only if it begins a second ClientHello, which a HelloRetryRequest may have asked for. A
//! preamble (PROXY, STARTTLS) is handed up until a ClientHello begins, or the agent says that
//! nothing more is wanted, or the byte budget is spent.

use ja4sentinel_common::{Counter, Tuple};

use crate::hello::{self, Second};
use crate::maps::FLOWS;
use crate::packet::Packet;
use crate::state::{Flow, Stage};
use crate::{recent, syn};

/// What is known of a connection; null for nothing.
#[inline(always)]
pub(crate) fn find(tuple: &Tuple) -> *mut Flow {
    FLOWS.get_ptr_mut(tuple).unwrap_or(core::ptr::null_mut())
}

/// The same to work with.
#[inline(always)]
pub(crate) fn known_as<'a>(flow: *mut Flow) -> Option<&'a mut Flow> {
    // SAFETY: the lookup gave a live value, or null. Another CPU may write to it at the same time, or it
    // may be recycled: each field is an integer of its own, and a wrong one costs a packet too many or
    // too few of one connection at the worst; or what is left of one that has just been pushed out.
    unsafe { flow.as_mut() }
}

/// A segment with payload to a watched port.
#[inline(always)]
pub(crate) fn judge(packet: &Packet, flow: *mut Flow) -> Result<Counter, Counter> {
    let known = match known_as(flow) {
        Some(flow) if flow.is_over() => return Err(Counter::Settled),
        Some(flow) => match known(packet, flow)? {
            Counter::HandedUp => return Ok(Counter::HandedUp),
            _ => 1,
        },
        None => 0,
    };
    Ok(begin(packet, known))
}

/// Payload of a connection that is in `FLOWS`. `Ok` is `HandedUp`, or `ConnectionsWithSyn` when it
/// begins a new connection between the same ends.
#[inline(never)]
fn known(packet: &Packet, flow: &mut Flow) -> Result<Counter, Counter> {
    let view = packet.view();
    if flow.reopened != 0 {
        let anew =
            if view.opens() { view.payload_sequence() != flow.first } else { syn::is_kept(packet) };
        if anew {
            return Ok(Counter::ConnectionsWithSyn);
        }
    }
    if flow.is_settled(packet) {
        return Err(Counter::Settled);
    }
    hello::read_prefix(packet)?;
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
                return Err(Counter::Settled);
            }
        }
    }
    flow.order(packet)
}

/// The first payload of a connection. One that is not `known` to have begun anew is taken up when its SYN is
/// there, or it begins like a ClientHello.
#[inline(never)]
fn begin(packet: &Packet, known: u32) -> Counter {
    let view = packet.view();
    if hello::read_prefix(packet).is_err() {
        return Counter::Unreadable;
    }
    let kept = syn::kept(packet);
    let own = if view.opens() { None } else { kept.filter(|syn| syn::belongs(packet, syn)) };
    if known == 0
        && own.is_none()
        && !view.opens()
        && (!view.may_begin_hello() || kept.is_some_and(syn::is_young))
    {
        return Counter::UnknownConnection;
    }
    let sequence = view.payload_sequence();
    let syn = own.and_then(|syn| syn::take(packet, syn));
    let mut flow = Flow::new(packet, syn.map_or(sequence, |number| number.wrapping_add(1)));
    // Some other SYN may have opened the connection that the server sees.
    flow.reopened = u8::from(syn.is_none() && kept.is_some());
    if sequence == flow.first && view.may_begin_hello() {
        flow.begin(Stage::First, view, view.record_len());
    }
    let counter = match syn.is_some() || view.opens() {
        true => Counter::ConnectionsWithSyn,
        false => Counter::ConnectionsWithoutSyn,
    };
    packet.tally(counter, 1);
    let verdict = flow.order(packet).unwrap_or_else(|reason| reason);
    packet.scratch().order.syn = u32::from(syn.is_some());
    match enter(packet, &flow) {
        Ok(()) => verdict,
        Err(reason) => reason,
    }
}

/// Stores what is known of a connection.
#[inline(always)]
fn enter(packet: &Packet, flow: &Flow) -> Result<(), Counter> {
    let tuple = &packet.view().tuple;
    let entered = FLOWS.insert(tuple, flow, 0);
    recent::forget(tuple);
    entered.map_err(|_| Counter::TableFull)
}

/// A packet could not be handed up. If it was the first of its connection, nobody above knows of
/// this one, so the rest is of no use.
#[inline(never)]
pub(crate) fn lost(packet: &Packet) {
    if packet.scratch().order.first == 0 {
        return;
    }
    packet.tally(Counter::ConnectionsLost, 1);
    if let Some(flow) = known_as(find(&packet.view().tuple)) {
        flow.stage = Stage::Settled;
    }
}

/// The first fragment of a segment: why it is not wanted, or nothing, and then its connection's
/// SYN is ordered along with it if it is kept. Its payload takes no part in what is known of the
/// connection.
#[inline(always)]
pub(crate) fn fragment(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    if let Some(flow) = known_as(find(&view.tuple)) {
        if flow.reopened == 0 {
            return if flow.is_settled(packet) { Err(Counter::Settled) } else { Ok(()) };
        }
    }
    let own = syn::kept(packet).filter(|syn| syn::belongs(packet, syn));
    let Some(number) = own.and_then(|syn| syn::take(packet, syn)) else { return Ok(()) };
    let flow = Flow::new(packet, number.wrapping_add(1));
    packet.tally(Counter::ConnectionsWithSyn, 1);
    packet.scratch().order.syn = 1;
    enter(packet, &flow)
}

/// FIN or RST without payload.
#[inline(never)]
pub(crate) fn close(packet: &Packet, flow: *mut Flow) -> Counter {
    let view = packet.view();
    if let Some(flow) = known_as(flow) {
        if flow.reopened == 0 {
            // Forged ones must not end a hello, so none does; the agent says when it is over.
            if !flow.is_settled(packet) {
                return flow.order(packet).unwrap_or_else(|reason| reason);
            }
            // Its ends may be used again, even by a connection whose SYN we miss.
            let _ = FLOWS.remove(&view.tuple);
            recent::forget(&view.tuple);
            return Counter::Settled;
        }
    }
    if syn::is_kept(packet) {
        syn::forget(packet);
        return Counter::SynClosed;
    }
    Counter::NoPayload
}
