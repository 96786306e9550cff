//! SYNs: kept until their connection's first payload comes.

use ja4sentinel_common::{Counter, Head, KeptSyn, SYN_ROOM};

use crate::event::{self, Scratch};
use crate::flow;
use crate::maps::{self, FLOWS, SYNS};
use crate::packet::Packet;
use crate::tcp::Segment;

/// How far behind a SYN's number its connection's first payload may begin: a segment that overtook
/// others lies within the first window, and what lies beyond belongs to another connection.
const WINDOW: u32 = 64 * 1024;

/// A SYN to a watched port.
#[inline(always)]
pub(crate) fn judge(packet: &Packet, segment: &Segment) -> Counter {
    if let Some(flow) = FLOWS.get_ptr_mut(&segment.tuple) {
        // SAFETY: the lookup gave a live value; a race with another CPU tears no single field.
        unsafe {
            if (*flow).first != segment.payload_sequence() {
                (*flow).reopened = 1;
            } else if segment.payload_len == 0 {
                return Counter::SynRepeated;
            }
        }
    }
    if segment.payload_len != 0 {
        // TCP Fast Open (RFC 7413): the payload need not wait, and has its SYN with it.
        return flow::judge(packet, segment);
    }
    keep(packet, segment)
}

/// Stores a SYN without payload.
fn keep(packet: &Packet, segment: &Segment) -> Counter {
    if segment.payload_at > SYN_ROOM as u32 {
        return Counter::SynTooLong;
    }
    let replaces = match kept(segment) {
        Some(syn) if syn.head.sequence == segment.sequence => return Counter::SynRepeated,
        other => other.is_some(),
    };
    let Some(scratch) = Scratch::mine() else { return Counter::Unreadable };
    scratch.syn.head = event::head(packet, segment.sequence);
    scratch.syn.head.flags |= Head::SYN;
    scratch.syn.head.captured = segment.payload_at;
    let to = scratch.syn.bytes.as_mut_ptr();
    // SAFETY: the headers fit their room of 192 bytes. The copy's bound of 256 ends in the scratch
    // space behind it.
    if unsafe { packet.copy::<256>(0, segment.payload_at, to) }.is_none() {
        return Counter::Unreadable;
    }
    if SYNS.insert(&segment.tuple, &scratch.syn, 0).is_err() {
        return maps::refused(packet);
    }
    if replaces {
        packet.tally(Counter::SynReplaced, 1);
    }
    Counter::SynKept
}

#[inline(always)]
fn kept(segment: &Segment) -> Option<&'static KeptSyn> {
    // SAFETY: the entry may be recycled while we read it. So `take` believes its copy only when the
    // entry was still there afterwards; elsewhere the sequence number alone is read.
    unsafe { SYNS.get(&segment.tuple) }
}

/// Whether the SYN of the connection is kept that this payload, FIN or RST belongs to.
#[inline(always)]
pub(crate) fn is_kept(segment: &Segment) -> bool {
    kept(segment).is_some_and(|syn| {
        let first = syn.head.sequence.wrapping_add(1);
        segment.payload_sequence().wrapping_sub(first) < WINDOW
    })
}

/// Moves that SYN into the scratch space and gives its sequence number.
#[inline(always)]
pub(crate) fn take(segment: &Segment) -> Option<u32> {
    let syn = kept(segment)?;
    let scratch = Scratch::mine()?;
    scratch.syn = *syn;
    SYNS.remove(&segment.tuple).ok()?;
    Some(scratch.syn.head.sequence)
}

/// Forgets that SYN.
#[inline(always)]
pub(crate) fn forget(segment: &Segment) {
    // It may be gone by now.
    let _ = SYNS.remove(&segment.tuple);
}
