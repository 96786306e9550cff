//! IPv4 and IPv6 headers: the agent's `wire::ip`.

use ja4sentinel_common::{Counter, Tuple};

use crate::extension;
use crate::packet::Packet;

/// Protocol numbers, from the IANA registry.
pub(crate) const TCP: u32 = 6;
pub(crate) const UDP: u32 = 17;
pub(crate) const IPV4: u32 = 4;
pub(crate) const IPV6: u32 = 41;
pub(crate) const GRE: u32 = 47;

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
        Version::V4 => read_v4(packet, at)?,
        Version::V6 => read_v6(packet, at)?,
    }
    if packet.view().fragmented != 0 {
        return Ok(());
    }
    // From one place for both, and with all that it needs in the view: so the verifier, to whom this loop
    // is much of the program, goes through it once for both.
    extension::walk(packet)
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
    view.extensible = 0;
    match protocol {
        TCP | extension::AUTHENTICATION => Ok(()),
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
    view.extensible = 1;
    Ok(())
}
