//! Fragments of IP datagrams. They are handed up for the agent to put together, in any order, as
//! long as nothing shows that their datagram is not wanted.

use ja4sentinel_common::{Counter, HEADER_ROOM, SLICE};

use crate::maps::{self, DatagramId, FRAGMENTS, PACE};
use crate::packet::Packet;
use crate::{event, extension, flow, ip};

/// How long a datagram is remembered as not wanted. Its fragments come within milliseconds, and a
/// busy sender uses its identification again after 65,536 datagrams.
const MEMORY_NS: u64 = 1_000_000_000;

/// A fragment whose protocol is TCP, or a header that may stand before TCP.
#[inline(never)]
pub(crate) fn judge(packet: &Packet) -> Counter {
    let view = packet.view();
    let id =
        DatagramId { source: view.tuple.source, destination: view.tuple.destination, id: view.id };
    let now = event::now();
    if view.offset == 0 {
        if let Err(reason) = first(packet) {
            if FRAGMENTS.insert(&id, &now, 0).is_err() {
                return Counter::TableFull;
            }
            return reason;
        }
        // An earlier datagram may have had the same identification.
        let _ = FRAGMENTS.remove(&id);
    } else {
        // SAFETY: one word, which is read at once.
        let unwanted = unsafe { FRAGMENTS.get(&id) }.is_some_and(|since| now - *since < MEMORY_NS);
        if unwanted {
            return Counter::FragmentUnwanted;
        }
    }
    if within_budget(now) { hand_up(packet) } else { Counter::FragmentBudget }
}

/// What the first fragment says: why the whole datagram is not wanted, or nothing. The kept SYN is
/// ordered along where it belongs to it.
#[inline(always)]
fn first(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    if view.protocol != ip::TCP {
        // Further headers stand before TCP; the agent reads them when all is there.
        return if extension::is_extension(view.protocol) { Ok(()) } else { Err(Counter::NotTcp) };
    }
    // Eight bytes are the least that a fragment has, and the first eight of TCP are these.
    let words = (view.end - view.at >= 8).then(|| packet.load::<[u32; 2]>(view.at)).flatten();
    let Some([ports, sequence]) = words else { return Ok(()) };
    if !maps::watched(ports) {
        return Err(Counter::OtherPort);
    }
    view.tuple.ports = ports;
    view.sequence = u32::from_be(sequence);
    view.acknowledgement = 0;
    view.flags = 0;
    flow::fragment(packet)
}

#[inline(always)]
fn hand_up(packet: &Packet) -> Counter {
    let view = packet.view();
    let len = view.end - view.at;
    if view.at > HEADER_ROOM as u32 {
        return Counter::HeadersTooLong;
    }
    if len > SLICE as u32 {
        return Counter::FragmentTooLong;
    }
    let order = &mut packet.scratch().order;
    order.headers = view.at;
    order.payload = len;
    order.sequence = 0;
    packet.tally(Counter::Fragments, 1);
    Counter::HandedUp
}

/// Whether this CPU may hand up one more fragment in this second.
#[inline(always)]
fn within_budget(now: u64) -> bool {
    let Some(pace) = PACE.get_ptr_mut(0) else { return false };
    // A shift rather than a division: a second of 1.07 s does as well.
    let second = now >> 30;
    // SAFETY: the only entry of a per-CPU array, which no other program on this CPU uses meanwhile.
    let pace = unsafe { &mut *pace };
    if pace.second != second {
        pace.second = second;
        pace.count = 0;
    }
    pace.count += 1;
    pace.count <= u64::from(maps::config().fragment_budget)
}
