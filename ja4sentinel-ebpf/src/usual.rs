//! The way of most packets: what a server gets all day is judged by loads from fixed places and, where
//! there is payload, one look-up, if this CPU does not remember what it comes to. Whatever is out of the
//! ordinary is read the long way, which comes to the same with these packets.

use core::hint::cold_path;

use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::maps::PerCpuArray;
use ja4sentinel_common::{Counter, Counters, Tuple};

use crate::instruction::{end, load, word};
use crate::maps::{RECENT_V4, RECENT_V6};
use crate::recent::{PLACES, Place, Recent};
use crate::state::Flow;
use crate::{flow, ip, link, maps, tcp};

/// Where the IP header begins: behind Ethernet, or at once.
pub(crate) const ETHERNET: i32 = 14;
pub(crate) const RAW: i32 = 0;

/// A version 4 header without options, and its length; and that of version 6.
const PLAIN_V4: u64 = 0x45;
const V4_LEN: i32 = 20;
const V6_LEN: i32 = 40;
/// A TCP header without options.
const TCP_LEN: i32 = 20;

/// How a packet goes on.
pub(crate) enum Way {
    /// It is a SYN, FIN or RST to a watched port, or a segment with payload: read into the view, and its
    /// connection looked up.
    Read,
    /// It has to be read the long way.
    Long,
}

const LONG: (Way, *mut Flow) = (Way::Long, core::ptr::null_mut());

/// A packet's frame: its linear part, and its length.
struct Frame {
    start: usize,
    end: usize,
    len: u64,
}

/// Judges a packet as far as that is quickly done. Gives its connection as well, null where there is
/// none; a value of its own, since the kernel refuses one that is not there on every way.
#[inline(always)]
pub(crate) fn judge<const AT: i32>(
    skb: *const __sk_buff,
    counters: *mut Counters,
) -> (Way, *mut Flow) {
    // SAFETY: the kernel gave us this context.
    let frame = unsafe {
        Frame { start: (*skb).data as usize, end: (*skb).data_end as usize, len: (*skb).len.into() }
    };
    if frame.start + (AT + V4_LEN + TCP_LEN) as usize > frame.end {
        return LONG;
    }
    let kind = match AT {
        RAW => match load!("u8", frame.start, AT) >> 4 {
            4 => link::IPV4,
            6 => link::IPV6,
            _ => return LONG,
        },
        _ => u16::from_be(load!("u16", frame.start, AT - 2) as u16),
    };
    match kind {
        link::IPV4 => v4::<AT>(&frame, counters),
        link::IPV6 => v6::<AT>(&frame, counters),
        _ => LONG,
    }
}

/// RFC 791, section 3.1: no options, no fragment.
#[inline(always)]
fn v4<const AT: i32>(frame: &Frame, counters: *mut Counters) -> (Way, *mut Flow) {
    const FRAGMENT: u64 = 0x3fff_u16.to_be() as u64;
    let start = frame.start;
    let place = load!("u16", start, AT + 6);
    if load!("u8", start, AT) != PLAIN_V4 || place & FRAGMENT != 0 {
        return LONG;
    }
    let total = u16::from_be(load!("u16", start, AT + 2) as u16);
    let protocol = load!("u8", start, AT + 9) as u32;
    let ends = |ports| [word!(AT, start, AT + 12), word!(AT, start, AT + 16), ports];
    let tuple = |[source, destination, ports]: [u32; 3]| Tuple {
        source: [0, 0, Tuple::MAPPED, source],
        destination: [0, 0, Tuple::MAPPED, destination],
        ports,
    };
    transport::<AT, V4_LEN, 3>(frame, counters, protocol, total.into(), &RECENT_V4, ends, tuple)
}

/// RFC 8200, section 3: no extension headers.
#[inline(always)]
fn v6<const AT: i32>(frame: &Frame, counters: *mut Counters) -> (Way, *mut Flow) {
    let start = frame.start;
    if start + (AT + V6_LEN + TCP_LEN) as usize > frame.end || load!("u8", start, AT) >> 4 != 6 {
        return LONG;
    }
    let payload = u16::from_be(load!("u16", start, AT + 4) as u16);
    // None stands for a length that 16 bits cannot state.
    let total = if payload == 0 { 0 } else { u64::from(payload) + V6_LEN as u64 };
    let protocol = load!("u8", start, AT + 6) as u32;
    let ends = |ports| {
        [
            word!(AT, start, AT + 8),
            word!(AT, start, AT + 12),
            word!(AT, start, AT + 16),
            word!(AT, start, AT + 20),
            word!(AT, start, AT + 24),
            word!(AT, start, AT + 28),
            word!(AT, start, AT + 32),
            word!(AT, start, AT + 36),
            ports,
        ]
    };
    let tuple = |[a, b, c, d, e, f, g, h, ports]: [u32; 9]| Tuple {
        source: [a, b, c, d],
        destination: [e, f, g, h],
        ports,
    };
    transport::<AT, V6_LEN, 9>(frame, counters, protocol, total, &RECENT_V6, ends, tuple)
}

/// What is behind an IP header of `LEN` bytes, in a datagram of `total`. Both addresses and the ports take
/// so many words.
#[inline(always)]
fn transport<const AT: i32, const LEN: i32, const WORDS: usize>(
    frame: &Frame,
    counters: *mut Counters,
    protocol: u32,
    total: u64,
    recent: &PerCpuArray<[Recent<WORDS>; PLACES]>,
    ends: impl FnOnce(u32) -> [u32; WORDS],
    tuple_of: fn([u32; WORDS]) -> Tuple,
) -> (Way, *mut Flow) {
    let start = frame.start;
    if protocol != ip::TCP {
        // What else there is may be a tunnel, or stand before TCP.
        let is_left_out = protocol == ip::UDP && total >= LEN as u64;
        if is_left_out && maps::config().tunnel_depth == 0 {
            end!(counters, Counter::NotTcp);
        }
        return LONG;
    }
    let ports = word!(AT, start, AT + LEN);
    let word = load!("u16", start, AT + LEN + 12);
    let (header, flags) = (word >> 2 & 0x3c, (word >> 8) as u32);
    let payload_at = (AT + LEN) as u64 + header;
    let end = frame.len.min(AT as u64 + total);
    if header < TCP_LEN as u64 || payload_at > end {
        return LONG;
    }
    if !maps::watched(ports) {
        end!(counters, Counter::OtherPort);
    }
    let control = flags & (tcp::SYN | tcp::FIN | tcp::RST);
    match control {
        0 if payload_at == end => end!(counters, Counter::NoPayload),
        0 | tcp::FIN | tcp::RST => {}
        tcp::SYN if flags & tcp::ACK == 0 => {}
        _ => return LONG,
    }
    let ends = ends(ports);
    let mut tuple;
    let flow = if control != 0 {
        cold_path();
        tuple = tuple_of(ends);
        flow::find(&tuple)
    } else {
        let Some(place) = Place::of(ends, recent) else { return LONG };
        if place.is_settled(ends) {
            end!(counters, Counter::Settled);
        }
        cold_path();
        tuple = tuple_of(ends);
        place.hold_back(&mut tuple);
        let flow = flow::find(&tuple);
        if flow::known_as(flow).is_some_and(|flow| flow.is_over()) {
            place.keep(ends);
            end!(counters, Counter::Settled);
        }
        flow
    };
    let Some(scratch) = maps::SCRATCH.get_ptr_mut(0) else { return LONG };
    // SAFETY: as in `Packet::scratch`.
    let view = unsafe { &mut (*scratch).view };
    // SAFETY: the stack and a map's value. (An assignment would become a loop over bytes, for the case that
    // they overlap.)
    unsafe { core::ptr::copy_nonoverlapping(&raw const tuple, &raw mut view.tuple, 1) };
    view.sequence = u32::from_be(word!(AT, start, AT + LEN + 4));
    view.acknowledgement = u32::from_be(word!(AT, start, AT + LEN + 8));
    view.flags = flags;
    view.payload_at = payload_at as u32;
    view.payload_len = (end - payload_at) as u32;
    (Way::Read, flow)
}
