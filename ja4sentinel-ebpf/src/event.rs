//! Ring records: a frame's headers and a slice of its payload, perhaps behind the kept SYN.

use aya_ebpf::EbpfContext as _;
use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use aya_ebpf::helpers::generated::{bpf_csum_level, bpf_ringbuf_output};
use ja4sentinel_common::{Counter, HEADER_ROOM, Head, KeptSyn, SLICE};

use crate::maps::EVENTS;
use crate::packet::Packet;

/// Records that one frame may become: 256 KiB of payload, as much as the default budget of a
/// connection. GRO makes 64 KiB; larger frames exist where BIG TCP is switched on.
const MAX_SLICES: u32 = 16;

/// What of a packet shall go into the ring. It lies in the scratch space, for the reasons of
/// [`crate::view::View`].
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
    /// Whether it is the first of its connection: 0 or 1.
    pub(crate) first: u32,
    /// When that was taken up, if it is.
    pub(crate) since_ns: u64,
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
pub(crate) fn fill(packet: &Packet, head: &mut Head, sequence: u32, time_ns: u64) {
    let tag = packet.tag();
    let tagged = if tag.is_some() { Head::TAGGED } else { 0 };
    let raw = if packet.raw { Head::RAW } else { 0 };
    head.time_ns = time_ns;
    head.interface = packet.interface();
    head.original_len = packet.len();
    head.skipped = 0;
    head.captured = 0;
    head.sequence = sequence;
    head.tci = tag.unwrap_or(0);
    head.flags = tagged | raw | unverified(packet);
}

/// [`Head::UNVERIFIED`] unless the kernel knows that the checksum is right. It does not know either
/// where the packet never saw a wire. What was joined of several was checked before that.
#[inline(always)]
fn unverified(packet: &Packet) -> u16 {
    const QUERY: u64 = 0;
    // SAFETY: the helper reads the packet's metadata.
    let level = unsafe { bpf_csum_level(packet.as_ptr().cast(), QUERY) };
    if level < 0 && !packet.is_joined() { Head::UNVERIFIED } else { 0 }
}

/// Carries out the packet's order, in as many records as it takes. The verdict is `HandedUp` when
/// all of it is in the ring.
#[inline(never)]
pub(crate) fn carry_out(packet: &Packet) -> Counter {
    let scratch = packet.scratch();
    scratch.order.done = 0;
    let time_ns = if scratch.order.first != 0 { scratch.order.since_ns } else { now() };
    fill(packet, &mut scratch.head, scratch.order.sequence, time_ns);
    for _ in 0..MAX_SLICES {
        let verdict = write_slice(packet);
        if verdict != Counter::HandedUp {
            return verdict;
        }
        let order = &mut packet.scratch().order;
        if order.done >= order.payload {
            return Counter::HandedUp;
        }
        order.syn = 0;
    }
    packet.tally(Counter::FramesCut, 1);
    Counter::HandedUp
}

/// Writes the next record.
#[inline(never)]
fn write_slice(packet: &Packet) -> Counter {
    let scratch = packet.scratch();
    let order = &mut scratch.order;
    let rest = (order.payload - order.done).min(SLICE as u32);
    let Some(captured) = copy(packet, order, rest, scratch.frame.as_mut_ptr()) else {
        return Counter::Unreadable;
    };
    scratch.head.skipped = order.done;
    scratch.head.captured = captured;
    order.done += rest;
    let failed = if order.syn != 0 {
        output(&raw const scratch.syn, size_of::<KeptSyn>() + Head::SIZE, captured)
    } else {
        output(&raw const scratch.head, Head::SIZE, captured)
    };
    if failed != 0 {
        return Counter::RingFull;
    }
    packet.tally(Counter::Records, 1);
    packet.tally(Counter::Bytes, u64::from(captured));
    Counter::HandedUp
}

/// Copies the frame's headers and the next `rest` bytes of its payload. Gives the number copied.
#[inline(always)]
fn copy(packet: &Packet, order: &Order, rest: u32, to: *mut u8) -> Option<u32> {
    let whole = order.headers + rest;
    if order.done == 0 && whole <= SLICE as u32 {
        // What lies together in the frame, too.
        // SAFETY: `to` has room for headers and a slice.
        return unsafe { packet.copy::<{ SLICE as u32 }>(0, whole, to) };
    }
    // SAFETY: the room begins with as many bytes for headers.
    let headers = unsafe { packet.copy::<{ HEADER_ROOM as u32 }>(0, order.headers, to) }?;
    if rest == 0 {
        return Some(headers);
    }
    let at = order.headers + order.done;
    // SAFETY: behind at most `HEADER_ROOM` bytes there is room for a slice.
    let payload = unsafe { packet.copy::<{ SLICE as u32 }>(at, rest, to.add(headers as usize)) }?;
    Some(headers + payload)
}

/// Puts one record into the ring: `before` bytes and `captured` ones of a frame.
#[inline(always)]
fn output<T>(from: *const T, before: usize, captured: u32) -> i64 {
    let ring = (&raw const EVENTS).cast_mut().cast();
    let mut from = from.cast_mut();
    // Keeps the compiler from choosing between the two places by a number, which the kernel refuses
    // to add to a pointer without CAP_PERFMON.
    // SAFETY: moves a register to itself.
    unsafe { core::arch::asm!("{0} = {0}", inout(reg) from, options(nomem, nostack)) };
    // SAFETY: from there to the scratch space's end there are as many bytes, all initialised, since
    // the map starts as zeros.
    unsafe { bpf_ringbuf_output(ring, from.cast(), before as u64 + u64::from(captured), 0) }
}
