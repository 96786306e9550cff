//! IPv4 and IPv6 headers, and the extension headers behind them: the agent's `wire::ip`.

use ja4sentinel_common::{Counter, Tuple};

use crate::packet::Packet;

/// Extension headers that are followed, as in the agent.
const MAX_EXTENSIONS: u32 = 16;

/// Protocol numbers, from the IANA registry.
pub(crate) const TCP: u32 = 6;
pub(crate) const UDP: u32 = 17;
pub(crate) const IPV4: u32 = 4;
pub(crate) const IPV6: u32 = 41;
pub(crate) const GRE: u32 = 47;
const HOP_BY_HOP: u32 = 0;
const ROUTING: u32 = 43;
const FRAGMENT: u32 = 44;
const AUTHENTICATION: u32 = 51;
const DESTINATION: u32 = 60;
const MOBILITY: u32 = 135;
const HOST_IDENTITY: u32 = 139;
const SHIM6: u32 = 140;

/// As the layer below announced it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V4,
    V6,
}

/// Reads the headers down to TCP, or to the first sign of fragmentation, into the packet's view.
#[inline(always)]
pub(crate) fn read(packet: &Packet, announced: Version, at: u32) -> Result<(), Counter> {
    match announced {
        Version::V4 => read_v4(packet, at),
        Version::V6 => read_v6(packet, at),
    }
}

/// RFC 791, section 3.1.
#[inline(always)]
fn read_v4(packet: &Packet, at: u32) -> Result<(), Counter> {
    let [w0, w1, w2, source, destination] =
        packet.load_usual::<[u32; 5], 14>(at).ok_or(Counter::IpRunt)?;
    let [version_length, _, t0, t1] = w0.to_ne_bytes();
    let [_, _, f0, f1] = w1.to_ne_bytes();
    let protocol = u32::from(w2.to_ne_bytes()[1]);
    if version_length >> 4 != 4 {
        return Err(Counter::IpVersion);
    }
    let header = u32::from(version_length & 15) * 4;
    if header < 20 || at + header > packet.len() {
        return Err(Counter::Ipv4HeaderLength);
    }
    let end = match u32::from(u16::from_be_bytes([t0, t1])) {
        // Segmentation offload: a length that 16 bits cannot state.
        0 => packet.len(),
        total if total < header => return Err(Counter::Ipv4TotalLength),
        total => packet.len().min(at + total),
    };
    let at = at + header;
    let place = u16::from_be_bytes([f0, f1]);
    let fragmented = u32::from(place & 0x3fff != 0);
    let view = packet.view();
    view.tuple.source = [0, 0, Tuple::MAPPED, source];
    view.tuple.destination = [0, 0, Tuple::MAPPED, destination];
    view.protocol = protocol;
    view.at = at;
    view.end = end;
    view.fragmented = fragmented;
    view.id = w1 & u32::from_ne_bytes([0xff, 0xff, 0, 0]);
    view.offset = u32::from(place & 0x1fff) * 8;
    match protocol {
        TCP => Ok(()),
        AUTHENTICATION if fragmented != 0 => Ok(()),
        AUTHENTICATION => extensions(packet, 0),
        _ => Err(Counter::NotTcp),
    }
}

/// RFC 8200, section 3.
#[inline(always)]
fn read_v6(packet: &Packet, at: u32) -> Result<(), Counter> {
    let [w0, w1] = packet.load_usual::<[u32; 2], 14>(at).ok_or(Counter::IpRunt)?;
    let view = packet.view();
    view.tuple.source = packet.load_usual::<_, 22>(at + 8).ok_or(Counter::IpRunt)?;
    view.tuple.destination = packet.load_usual::<_, 38>(at + 24).ok_or(Counter::IpRunt)?;
    if w0.to_ne_bytes()[0] >> 4 != 6 {
        return Err(Counter::IpVersion);
    }
    let [l0, l1, protocol, _] = w1.to_ne_bytes();
    let at = at + 40;
    view.protocol = u32::from(protocol);
    view.at = at;
    view.end = match u32::from(u16::from_be_bytes([l0, l1])) {
        // A jumbogram (RFC 2675) or segmentation offload: to the end of the frame.
        0 => packet.len(),
        payload => packet.len().min(at + payload),
    };
    view.fragmented = 0;
    if u32::from(protocol) == TCP { Ok(()) } else { extensions(packet, 1) }
}

/// Whether a header of this number may stand between IPv6 and TCP.
#[inline(always)]
pub(crate) fn is_extension(protocol: u32) -> bool {
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
#[inline(never)]
fn extensions(packet: &Packet, v6: u32) -> Result<(), Counter> {
    for _ in 0..=MAX_EXTENSIONS {
        let view = packet.view();
        let protocol = view.protocol;
        if protocol == TCP {
            return Ok(());
        }
        if protocol != AUTHENTICATION && !(v6 == 1 && is_extension(protocol)) {
            return Err(Counter::NotTcp);
        }
        if view.at + 8 > view.end {
            return Err(Counter::ExtensionLength);
        }
        let [word, id] = packet.load::<[u32; 2]>(view.at).ok_or(Counter::ExtensionLength)?;
        let [next, units, o0, o1] = word.to_ne_bytes();
        let len = match protocol {
            AUTHENTICATION if units == 0 => return Err(Counter::ExtensionLength),
            AUTHENTICATION => (u32::from(units) + 2) * 4,
            FRAGMENT => 8,
            _ => (u32::from(units) + 1) * 8,
        };
        let place = u16::from_be_bytes([o0, o1]);
        view.protocol = u32::from(next);
        view.at += len;
        if view.at > view.end {
            return Err(Counter::ExtensionLength);
        }
        // Offset 0 and no more fragments: an atomic fragment, RFC 6946, which is whole.
        if protocol == FRAGMENT && place & 0xfff9 != 0 {
            view.fragmented = 1;
            view.id = id;
            view.offset = u32::from(place & 0xfff8);
            return Ok(());
        }
    }
    Err(Counter::TooManyExtensions)
}
