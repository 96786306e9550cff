//! IPv4 and IPv6 headers, and the extension headers behind them: the agent's `wire::ip`.

use ja4sentinel_common::{Counter, Tuple};

use crate::packet::Packet;

/// Extension headers that are followed, as in the agent.
const MAX_EXTENSIONS: usize = 16;

/// Protocol numbers, from the IANA registry.
pub(crate) const TCP: u8 = 6;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// As the layer below announced it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
}

/// An IP datagram, or a fragment of one.
pub(crate) struct Datagram {
    /// Sender and receiver as in [`Tuple`].
    pub(crate) source: [u32; 4],
    pub(crate) destination: [u32; 4],
    /// What the payload is.
    pub(crate) protocol: u8,
    /// Where in the frame the payload begins, behind all extension headers.
    pub(crate) at: u32,
    /// Where it ends: padding left out, and never beyond the frame.
    pub(crate) end: u32,
    /// Whether it is a fragment; the next three count only then.
    pub(crate) fragmented: bool,
    /// Identification of the whole datagram, as it lies in the frame.
    pub(crate) id: u32,
    /// Offset of this fragment in the datagram's payload, bytes.
    pub(crate) offset: u32,
}

/// Reads the headers down to TCP, or to the first sign of fragmentation.
#[inline(always)]
pub(crate) fn read(packet: &Packet, announced: Version, at: u32) -> Result<Datagram, Counter> {
    match announced {
        Version::V4 => read_v4(packet, at),
        Version::V6 => read_v6(packet, at),
    }
}

/// RFC 791, section 3.1.
#[inline(always)]
fn read_v4(packet: &Packet, at: u32) -> Result<Datagram, Counter> {
    let [w0, w1, w2, source, destination] = packet.words::<5>(at).ok_or(Counter::IpRunt)?;
    let [version_length, _, t0, t1] = w0.to_ne_bytes();
    let [_, _, f0, f1] = w1.to_ne_bytes();
    let [_, protocol, _, _] = w2.to_ne_bytes();
    if version_length >> 4 != 4 {
        return Err(Counter::IpVersion);
    }
    let header = u32::from(version_length & 15) * 4;
    if header < 20 {
        return Err(Counter::Ipv4HeaderLength);
    }
    let end = match u32::from(u16::from_be_bytes([t0, t1])) {
        // Segmentation offload: a length that 16 bits cannot state.
        0 => packet.len(),
        total if total < header => return Err(Counter::Ipv4TotalLength),
        total => packet.len().min(at + total),
    };
    let at = at + header;
    if at > end {
        return Err(Counter::Ipv4HeaderLength);
    }
    let place = u16::from_be_bytes([f0, f1]);
    let mut datagram = Datagram {
        source: [0, 0, Tuple::MAPPED, source],
        destination: [0, 0, Tuple::MAPPED, destination],
        protocol,
        at,
        end,
        fragmented: place & 0x3fff != 0,
        id: w1 & u32::from_ne_bytes([0xff, 0xff, 0, 0]),
        offset: u32::from(place & 0x1fff) * 8,
    };
    match protocol {
        TCP => Ok(datagram),
        AUTHENTICATION if datagram.fragmented => Ok(datagram),
        AUTHENTICATION => extensions(packet, &mut datagram, false).map(|()| datagram),
        _ => Err(Counter::NotTcp),
    }
}

/// RFC 8200, section 3.
#[inline(always)]
fn read_v6(packet: &Packet, at: u32) -> Result<Datagram, Counter> {
    let words = packet.words::<10>(at).ok_or(Counter::IpRunt)?;
    let [w0, w1, s0, s1, s2, s3, d0, d1, d2, d3] = words;
    if w0.to_ne_bytes()[0] >> 4 != 6 {
        return Err(Counter::IpVersion);
    }
    let [l0, l1, protocol, _] = w1.to_ne_bytes();
    let at = at + 40;
    let end = match u32::from(u16::from_be_bytes([l0, l1])) {
        // A jumbogram (RFC 2675) or segmentation offload: to the end of the frame.
        0 => packet.len(),
        payload => packet.len().min(at + payload),
    };
    let mut datagram = Datagram {
        source: [s0, s1, s2, s3],
        destination: [d0, d1, d2, d3],
        protocol,
        at,
        end,
        fragmented: false,
        id: 0,
        offset: 0,
    };
    if protocol != TCP {
        extensions(packet, &mut datagram, true)?;
    }
    Ok(datagram)
}

/// Whether a header of this number may stand between IPv6 and TCP.
#[inline(always)]
pub(crate) fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP
            | ROUTING
            | FRAGMENT
            | AUTHENTICATION
            | DESTINATION
            | MOBILITY
            | HOST_IDENTITY
            | SHIM6
    )
}

/// Walks over the extension headers (RFC 8200 section 4; for IPv4 the authentication header alone,
/// RFC 4302) to TCP or a fragment.
#[inline(always)]
fn extensions(packet: &Packet, datagram: &mut Datagram, v6: bool) -> Result<(), Counter> {
    for _ in 0..=MAX_EXTENSIONS {
        if datagram.protocol == TCP {
            return Ok(());
        }
        if datagram.protocol != AUTHENTICATION && !(v6 && is_extension(datagram.protocol)) {
            return Err(Counter::NotTcp);
        }
        if datagram.at + 8 > datagram.end {
            return Err(Counter::ExtensionLength);
        }
        let [word, id] = packet.words::<2>(datagram.at).ok_or(Counter::ExtensionLength)?;
        let [next, units, o0, o1] = word.to_ne_bytes();
        let len = match datagram.protocol {
            AUTHENTICATION => (u32::from(units) + 2) * 4,
            FRAGMENT => 8,
            _ => (u32::from(units) + 1) * 8,
        };
        let place = u16::from_be_bytes([o0, o1]);
        // Offset 0 and no more fragments: an atomic fragment, RFC 6946, which is whole.
        datagram.fragmented = datagram.protocol == FRAGMENT && place & 0xfff9 != 0;
        datagram.protocol = next;
        datagram.at += len;
        if datagram.at > datagram.end {
            return Err(Counter::ExtensionLength);
        }
        if datagram.fragmented {
            datagram.id = id;
            datagram.offset = u32::from(place & 0xfff8);
            return Ok(());
        }
    }
    Err(Counter::TooManyExtensions)
}
