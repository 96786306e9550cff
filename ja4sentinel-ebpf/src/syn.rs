//! SYNs: kept until their connection's first payload comes.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use ja4sentinel_common::{Counter, Head, KeptSyn, SYN_ROOM};

use crate::maps::SYNS;
use crate::packet::Packet;
use crate::state::Flow;
use crate::{event, flow};

/// How far behind a SYN's number its connection's first payload may begin: a segment that overtook
/// others lies within the first window, and what lies beyond belongs to another connection.
const WINDOW: u32 = 64 * 1024;

/// How long a kept SYN makes payload outside of its window a ruse, nanoseconds: as long as the agent
/// thinks so of a connection in which nothing moves.
const YOUNG_NS: u64 = 3_000_000_000;

/// A SYN to a watched port. `Err` is its verdict; `Ok` is TCP Fast Open (RFC 7413): the payload need
/// not wait, as it has its SYN with it.
#[inline(never)]
pub(crate) fn judge(packet: &Packet, flow: *mut Flow) -> Result<(), Counter> {
    let view = packet.view();
    if let Some(flow) = flow::known_as(flow) {
        if flow.first != view.payload_sequence() {
            flow.reopened = 1;
        } else if view.payload_len == 0 {
            return Err(Counter::SynRepeated);
        }
    }
    if view.payload_len == 0 { Err(keep(packet)) } else { Ok(()) }
}

/// Stores a SYN without payload.
#[inline(always)]
fn keep(packet: &Packet) -> Counter {
    let view = packet.view();
    if view.payload_at > SYN_ROOM as u32 {
        return Counter::SynTooLong;
    }
    let syn = &mut packet.scratch().syn;
    event::fill(packet, &mut syn.head, view.sequence, event::now());
    syn.head.flags |= Head::SYN;
    syn.head.captured = view.payload_at;
    let to = syn.bytes.as_mut_ptr();
    // SAFETY: the headers fit their room of 192 bytes. The copy's bound of 256 ends in the scratch
    // space behind it.
    if unsafe { packet.copy::<256>(0, view.payload_at, to) }.is_none() {
        return Counter::Unreadable;
    }
    // Most SYNs are new, and need no look-up of their own.
    if SYNS.insert(&view.tuple, &*syn, BPF_NOEXIST.into()).is_ok() {
        return Counter::SynKept;
    }
    let replaces = match kept(packet) {
        Some(syn) if syn.head.sequence == view.sequence => return Counter::SynRepeated,
        other => other.is_some(),
    };
    if SYNS.insert(&view.tuple, &*syn, BPF_ANY.into()).is_err() {
        return Counter::TableFull;
    }
    if replaces {
        packet.tally(Counter::SynReplaced, 1);
    }
    Counter::SynKept
}

/// The SYN that is kept between these ends.
#[inline(always)]
pub(crate) fn kept(packet: &Packet) -> Option<&'static KeptSyn> {
    // SAFETY: the entry may be recycled while we read it. So `take` believes its copy only when the
    // entry was still there afterwards; elsewhere single fields are read.
    unsafe { SYNS.get(&packet.view().tuple) }
}

/// Whether the SYN of the connection is kept that this payload, FIN or RST belongs to.
#[inline(always)]
pub(crate) fn is_kept(packet: &Packet) -> bool {
    kept(packet).is_some_and(|syn| belongs(packet, syn))
}

/// Whether a SYN was kept just now: what does not belong to it is nobody's, then.
#[inline(always)]
pub(crate) fn is_young(syn: &KeptSyn) -> bool {
    event::now().wrapping_sub(syn.head.time_ns) < YOUNG_NS
}

/// Whether this payload, FIN or RST is of the connection that a SYN opened.
#[inline(always)]
pub(crate) fn belongs(packet: &Packet, syn: &KeptSyn) -> bool {
    let first = syn.head.sequence.wrapping_add(1);
    packet.view().payload_sequence().wrapping_sub(first) < WINDOW
}

/// Moves a kept SYN into the scratch space and gives its sequence number; nothing when it is gone
/// meanwhile.
#[inline(always)]
pub(crate) fn take(packet: &Packet, syn: &KeptSyn) -> Option<u32> {
    // SAFETY: a map's entry and the scratch space do not overlap. (An assignment would become a loop
    // over bytes, for the case that they do.)
    unsafe { core::ptr::copy_nonoverlapping(syn, &raw mut packet.scratch().syn, 1) };
    SYNS.remove(&packet.view().tuple).ok()?;
    Some(packet.scratch().syn.head.sequence)
}

/// Forgets that SYN.
#[inline(always)]
pub(crate) fn forget(packet: &Packet) {
    // It may be gone by now.
    let _ = SYNS.remove(&packet.view().tuple);
}
