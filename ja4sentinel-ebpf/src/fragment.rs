//! Fragments of IP datagrams. They are handed up for the agent to put together, in any order, as
//! long as nothing shows that their datagram is not wanted.

use ja4sentinel_common::{Counter, HEADER_ROOM, SLICE, Tuple};

use crate::event::{self, Outcome};
use crate::flow;
use crate::ip::{self, Datagram};
use crate::maps::{self, DatagramId, FRAGMENTS, PACE};
use crate::packet::Packet;
use crate::tcp::Segment;

/// How long a datagram is remembered as not wanted. Its fragments come within milliseconds, and a
/// busy sender uses its identification again after 65,536 datagrams.
const MEMORY_NS: u64 = 1_000_000_000;
/// Ports, sequence and acknowledgement number: what is needed of a TCP header.
const NEEDED: u32 = 12;

/// A fragment whose protocol is TCP, or a header that may stand before TCP.
#[inline(never)]
pub(crate) fn judge(packet: &Packet, datagram: &Datagram) -> Counter {
    let id =
        DatagramId { source: datagram.source, destination: datagram.destination, id: datagram.id };
    let now = event::now();
    let mut syn = false;
    if datagram.offset == 0 {
        match first(packet, datagram) {
            Ok(with_syn) => {
                syn = with_syn;
                // An earlier datagram may have had the same identification.
                let _ = FRAGMENTS.remove(&id);
            }
            Err(reason) => {
                if FRAGMENTS.insert(&id, &now, 0).is_err() {
                    return maps::refused(packet);
                }
                return reason;
            }
        }
    } else {
        // SAFETY: one word, which is read at once.
        let unwanted = unsafe { FRAGMENTS.get(&id) }.is_some_and(|since| now - *since < MEMORY_NS);
        if unwanted {
            return Counter::FragmentOtherPort;
        }
    }
    hand_up(packet, datagram, now, syn)
}

/// What the first fragment says: whether the kept SYN goes with it, or why the whole datagram is
/// not wanted.
#[inline(always)]
fn first(packet: &Packet, datagram: &Datagram) -> Result<bool, Counter> {
    if datagram.protocol != ip::TCP {
        // Further headers stand before TCP; the agent reads them when all is there.
        return if ip::is_extension(datagram.protocol) { Ok(false) } else { Err(Counter::NotTcp) };
    }
    let len = datagram.end - datagram.at;
    if len < NEEDED {
        // Eight bytes are the least that a fragment has, and hold the ports.
        let Some([ports]) = (len >= 4).then(|| packet.words::<1>(datagram.at)).flatten() else {
            return Ok(false);
        };
        return if maps::watched(ports) { Ok(false) } else { Err(Counter::FragmentOtherPort) };
    }
    let Some([ports, sequence, acknowledgement]) = packet.words::<3>(datagram.at) else {
        return Ok(false);
    };
    if !maps::watched(ports) {
        return Err(Counter::FragmentOtherPort);
    }
    let segment = Segment {
        tuple: Tuple { source: datagram.source, destination: datagram.destination, ports },
        sequence: u32::from_be(sequence),
        acknowledgement: u32::from_be(acknowledgement),
        flags: 0,
        payload_at: datagram.at,
        payload_len: len,
    };
    flow::fragment(packet, &segment)
}

#[inline(always)]
fn hand_up(packet: &Packet, datagram: &Datagram, now: u64, syn: bool) -> Counter {
    if !within_budget(now) {
        return Counter::FragmentBudget;
    }
    let len = datagram.end - datagram.at;
    if datagram.at > HEADER_ROOM as u32 {
        return Counter::HeadersTooLong;
    }
    if len > SLICE as u32 {
        return Counter::FragmentTooLong;
    }
    match event::write(packet, 0, datagram.at, len, syn) {
        Outcome::Written => {
            packet.tally(Counter::Fragments, 1);
            Counter::HandedUp
        }
        Outcome::Full => Counter::RingFull,
        Outcome::Unreadable => Counter::Unreadable,
    }
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
