//! Ring records: a frame's headers and a slice of its payload, perhaps behind the kept SYN.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use aya_ebpf::helpers::generated::bpf_ringbuf_output;
use ja4sentinel_common::{Counter, HEADER_ROOM, Head, KeptSyn, SLICE};

use crate::maps::EVENTS;
use crate::packet::Packet;

/// Records that one frame may become: 80 KiB of payload. GRO makes 64 KiB; larger frames (BIG TCP)
/// exceed the budget of a connection anyway.
const MAX_SLICES: u32 = 5;

/// What of a frame goes into the ring. It lies in the scratch space, for the reasons of
/// [`crate::packet::View`].
#[repr(C)]
pub(crate) struct Order {
    /// Bytes of headers, 1 to [`HEADER_ROOM`].
    pub(crate) headers: u32,
    /// Bytes of payload behind them.
    pub(crate) payload: u32,
    /// TCP sequence number, for the head.
    pub(crate) sequence: u32,
    /// Whether the SYN in the scratch space goes before: 0 or 1.
    pub(crate) syn: u32,
    /// Bytes of payload that are in the ring already.
    done: u32,
}

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// Says of a frame what its bytes cannot.
#[inline(always)]
pub(crate) fn fill(packet: &Packet, head: &mut Head, sequence: u32) {
    let tag = packet.tag();
    let tagged = if tag.is_some() { Head::TAGGED } else { 0 };
    let raw = if packet.raw { Head::RAW } else { 0 };
    head.time_ns = now();
    head.interface = packet.interface();
    head.original_len = packet.len();
    head.skipped = 0;
    head.captured = 0;
    head.sequence = sequence;
    head.tci = tag.unwrap_or(0);
    head.flags = tagged | raw;
}

/// Carries out an order, in as many records as it takes. The verdict is `HandedUp` when all of it
/// is in the ring.
#[inline(never)]
pub(crate) fn write(packet: &Packet) -> Counter {
    let scratch = packet.scratch();
    scratch.order.done = 0;
    fill(packet, &mut scratch.head, scratch.order.sequence);
    for _ in 0..MAX_SLICES {
        let verdict = write_slice(packet);
        if verdict != Counter::HandedUp {
            return verdict;
        }
        let order = &mut packet.scratch().order;
        if order.done >= order.payload {
            break;
        }
        order.syn = 0;
    }
    Counter::HandedUp
}

/// Writes the next record.
#[inline(always)]
fn write_slice(packet: &Packet) -> Counter {
    let scratch = packet.scratch();
    let order = &mut scratch.order;
    let frame = scratch.frame.as_mut_ptr();
    // SAFETY: the frame's room begins with as many bytes for headers.
    let copied = unsafe { packet.copy::<{ HEADER_ROOM as u32 }>(0, order.headers, frame) };
    let Some(mut captured) = copied else { return Counter::Unreadable };
    let rest = (order.payload - order.done).min(SLICE as u32);
    if rest != 0 {
        let at = order.headers + order.done;
        // SAFETY: behind at most `HEADER_ROOM` bytes there is room for a slice.
        let copied =
            unsafe { packet.copy::<{ SLICE as u32 }>(at, rest, frame.add(captured as usize)) };
        let Some(len) = copied else { return Counter::Unreadable };
        captured += len;
    }
    scratch.head.skipped = order.done;
    scratch.head.captured = captured;
    order.done += rest;
    let (from, before) = if order.syn != 0 {
        (&raw mut scratch.syn as *mut u8, size_of::<KeptSyn>() + Head::SIZE)
    } else {
        (&raw mut scratch.head as *mut u8, Head::SIZE)
    };
    let len = before as u64 + u64::from(captured);
    let ring = (&raw const EVENTS).cast_mut().cast();
    // SAFETY: from there to the scratch space's end there are as many bytes, all initialised, since
    // the map starts as zeros.
    if unsafe { bpf_ringbuf_output(ring, from.cast(), len, 0) } != 0 {
        return Counter::RingFull;
    }
    packet.tally(Counter::Records, 1);
    packet.tally(Counter::Bytes, len);
    Counter::HandedUp
}
