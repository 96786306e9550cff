//! The frame that nearly all are: Ethernet, IPv4 or IPv6 without anything between it and TCP, whole.
//!
//! A shortcut of [`super::decode`] that reads such a frame in one go and leaves every other one, and
//! every fault, to the general way. That both say the same is what the property tests hold it to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::ip::TCP;
use super::link::ethertype;
use super::{
    Endpoint, Frame, IpFacts, LinkType, Segment, TcpFlags, TcpOptions, VlanStack, VlanTag, checksum,
};

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Bytes of an IPv4 header without options.
const IPV4: usize = 20;
/// Bytes of an IPv6 header.
const IPV6: usize = 40;
/// Bytes of a TCP header without options.
const TCP_HEADER: usize = 20;

/// What stands in front of TCP.
struct Network {
    source: IpAddr,
    destination: IpAddr,
    facts: IpFacts,
    /// Bytes of the frame from its begin to the end of the datagram.
    end: usize,
}

/// The segment of a usual frame.
#[inline]
pub(super) fn segment<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    let segment = read(frame)?;
    (!frame.unverified || is_sound(frame, &segment)).then_some(segment)
}

#[inline(always)]
fn read<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    if frame.link != LinkType::ETHERNET || frame.skipped_payload != 0 {
        return None;
    }
    let [.., high, low] = frame.bytes.first_chunk::<ETHERNET>()?;
    match u16::from_be_bytes([*high, *low]) {
        ethertype::IPV4 => {
            let (network, tcp) = frame.bytes.split_first_chunk::<{ ETHERNET + IPV4 }>()?;
            tcp_segment(frame, ipv4(network)?, tcp, ETHERNET + IPV4)
        }
        ethertype::IPV6 => {
            let (network, tcp) = frame.bytes.split_first_chunk::<{ ETHERNET + IPV6 }>()?;
            tcp_segment(frame, ipv6(network)?, tcp, ETHERNET + IPV6)
        }
        _ => None,
    }
}

/// RFC 791, section 3.1: no options, no fragment, with a length.
#[inline(always)]
fn ipv4(head: &[u8; ETHERNET + IPV4]) -> Option<Network> {
    const PLAIN: u8 = 0x45;
    const DONT_FRAGMENT: u16 = 0x4000;
    const FRAGMENTED: u16 = 0x3fff;
    let [
        ..,
        version,
        _,
        t0,
        t1,
        i0,
        i1,
        f0,
        f1,
        ttl,
        protocol,
        _,
        _,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ] = *head;
    let total = u16::from_be_bytes([t0, t1]);
    let place = u16::from_be_bytes([f0, f1]);
    if version != PLAIN || protocol != TCP || place & FRAGMENTED != 0 || total == 0 {
        return None;
    }
    Some(Network {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        facts: IpFacts {
            ttl,
            total_length: total.into(),
            id: Some(u16::from_be_bytes([i0, i1])),
            df: Some(place & DONT_FRAGMENT != 0),
        },
        end: ETHERNET + usize::from(total),
    })
}

/// RFC 8200, section 3: TCP at once, with a length.
#[inline(always)]
fn ipv6(head: &[u8; ETHERNET + IPV6]) -> Option<Network> {
    const ADDRESSES: usize = ETHERNET + 8;
    let [version, _, _, _, l0, l1, next, hop_limit] =
        *head.get(ETHERNET..).and_then(<[u8]>::first_chunk)?;
    let payload = u16::from_be_bytes([l0, l1]);
    if version >> 4 != 6 || next != TCP || payload == 0 {
        return None;
    }
    let (source, destination) = head.get(ADDRESSES..)?.split_first_chunk::<16>()?;
    let destination: [u8; 16] = *destination.first_chunk()?;
    let total = IPV6 + usize::from(payload);
    Some(Network {
        source: Ipv6Addr::from(*source).into(),
        destination: Ipv6Addr::from(destination).into(),
        facts: IpFacts {
            ttl: hop_limit,
            total_length: u32::try_from(total).unwrap_or(u32::MAX),
            id: None,
            df: None,
        },
        end: ETHERNET + total,
    })
}

/// RFC 9293, section 3.1: the whole segment is there.
#[inline(always)]
fn tcp_segment<'a>(
    frame: &Frame<'a>,
    network: Network,
    tcp: &'a [u8],
    at: usize,
) -> Option<Segment<'a>> {
    let tcp = tcp.get(..network.end.checked_sub(at)?)?;
    let [s0, s1, d0, d1, n0, n1, n2, n3, _, _, _, _, offset, flags, w0, w1, ..] =
        *tcp.first_chunk::<TCP_HEADER>()?;
    let (header, payload) = tcp.split_at_checked(usize::from(offset >> 4) * 4)?;
    let options = header.get(TCP_HEADER..)?;
    Some(Segment {
        timestamp_ns: frame.timestamp_ns,
        interface: frame.interface,
        vlan: frame.vlan.map_or_else(VlanStack::default, vlan),
        source: Endpoint { addr: network.source, port: u16::from_be_bytes([s0, s1]) },
        destination: Endpoint { addr: network.destination, port: u16::from_be_bytes([d0, d1]) },
        ip: network.facts,
        sequence: u32::from_be_bytes([n0, n1, n2, n3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        options: TcpOptions(options),
        payload,
        missing: 0,
        fragmented: false,
    })
}

/// Whether the receiver will find nothing wrong with what nobody has checked: neither with a length nor
/// with a checksum.
#[inline(never)]
fn is_sound(frame: &Frame<'_>, segment: &Segment<'_>) -> bool {
    let (source, destination) = (segment.source.addr, segment.destination.addr);
    let header = if source.is_ipv4() { IPV4 } else { IPV6 };
    let end = ETHERNET + segment.ip.total_length as usize;
    let datagram = frame.bytes.get(ETHERNET..end).and_then(|whole| whole.split_at_checked(header));
    let Some((header, tcp)) = datagram else { return false };
    end <= frame.original_len as usize
        && (source.is_ipv6() || checksum::is_sound(header))
        && checksum::is_sound_segment(tcp, source, destination)
}

#[cold]
fn vlan(tag: VlanTag) -> VlanStack {
    let mut stack = VlanStack::default();
    stack.tag(tag);
    stack
}
