//! Ring records: a frame's headers and a slice of its payload, perhaps behind the kept SYN.

use aya_ebpf::helpers::bpf_ktime_get_boot_ns;
use aya_ebpf::helpers::generated::bpf_ringbuf_output;
use ja4sentinel_common::{Counter, HEADER_ROOM, Head, KeptSyn, SLICE};

pub(crate) use crate::maps::Scratch;
use crate::maps::{EVENTS, SCRATCH};
use crate::packet::{Packet, opaque};

/// Records that one frame may become: 80 KiB of payload. GRO makes 64 KiB; larger frames (BIG TCP)
/// exceed the budget of a connection anyway.
const MAX_SLICES: u32 = 5;

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All that was asked for is in the ring.
    Written,
    /// The ring had no room for all of it.
    Full,
    /// The frame could not be read.
    Unreadable,
}

impl Scratch {
    /// This CPU's. No other program runs on it meanwhile: the kernel runs classifiers with bottom
    /// halves disabled.
    #[inline(always)]
    pub(crate) fn mine() -> Option<&'static mut Self> {
        // SAFETY: see above; the only entry of a per-CPU array lives as long as the program.
        SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *scratch })
    }
}

/// Nanoseconds of `CLOCK_BOOTTIME`.
#[inline(always)]
pub(crate) fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// What there is to say of a frame beside its bytes.
#[inline(always)]
pub(crate) fn head(packet: &Packet, sequence: u32) -> Head {
    let tag = packet.tag();
    let tagged = if tag.is_some() { Head::TAGGED } else { 0 };
    let raw = if packet.raw { Head::RAW } else { 0 };
    Head {
        time_ns: now(),
        interface: packet.interface(),
        original_len: packet.len(),
        skipped: 0,
        captured: 0,
        sequence,
        tci: tag.unwrap_or(0),
        flags: tagged | raw,
    }
}

/// Writes the frame: `headers` bytes (1 to [`HEADER_ROOM`]) and the first `payload` bytes behind
/// them, in as many records as it takes. With `syn`, the first record begins with the SYN that is
/// in the scratch space.
///
/// Not inlined, for the sake of the verifier: it has its own registers and 8 KiB of instructions
/// less to look at.
#[inline(never)]
pub(crate) fn write(
    packet: &Packet,
    sequence: u32,
    headers: u32,
    payload: u32,
    syn: bool,
) -> Outcome {
    let Some(scratch) = Scratch::mine() else { return Outcome::Unreadable };
    scratch.head = head(packet, sequence);
    let mut done = 0;
    for slice in 0..MAX_SLICES {
        let frame = scratch.frame.as_mut_ptr();
        // SAFETY: the frame's room begins with as many bytes for headers.
        let copied = unsafe { packet.copy::<{ HEADER_ROOM as u32 }>(0, headers, frame) };
        let Some(mut captured) = copied else { return Outcome::Unreadable };
        let rest = (payload - done).min(SLICE as u32);
        if opaque(rest) != 0 {
            // SAFETY: behind at most `HEADER_ROOM` bytes there is room for a slice.
            let copied = unsafe {
                packet.copy::<{ SLICE as u32 }>(headers + done, rest, frame.add(captured as usize))
            };
            match copied {
                Some(len) => captured += len,
                None => return Outcome::Unreadable,
            }
        }
        scratch.head.skipped = done;
        scratch.head.captured = captured;
        if !output(packet, scratch, captured, syn && slice == 0) {
            return Outcome::Full;
        }
        done += rest;
        if done >= payload {
            break;
        }
    }
    Outcome::Written
}

/// Puts one record into the ring.
#[inline(always)]
fn output(packet: &Packet, scratch: &mut Scratch, captured: u32, syn: bool) -> bool {
    let (from, before) = if syn {
        (&raw mut scratch.syn as *mut u8, size_of::<KeptSyn>() + Head::SIZE)
    } else {
        (&raw mut scratch.head as *mut u8, Head::SIZE)
    };
    let len = before as u64 + u64::from(captured);
    // SAFETY: from here to the scratch space's end there are as many bytes, all written: the map
    // starts as zeros.
    let failed =
        unsafe { bpf_ringbuf_output((&raw const EVENTS).cast_mut().cast(), from.cast(), len, 0) };
    if failed != 0 {
        return false;
    }
    packet.tally(Counter::Records, 1);
    packet.tally(Counter::Bytes, len);
    true
}
