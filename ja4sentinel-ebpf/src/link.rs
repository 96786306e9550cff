//! Link layers, down to the IP header: the agent's `wire::link`, as far as interfaces of a server
//! carry it.

use ja4sentinel_common::Counter;

use crate::ip::Version;
use crate::packet::Packet;

/// VLAN tags in the bytes that are read, as in the agent.
const MAX_TAGS: usize = 8;
/// MPLS labels that are read. The agent reads more, of captures; a server sees one or two.
const MAX_LABELS: usize = 8;

/// EtherTypes, from the IEEE registry.
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const VLAN: u16 = 0x8100;
const PROVIDER_VLAN: u16 = 0x88a8;
const OLD_QINQ_1: u16 = 0x9100;
const OLD_QINQ_2: u16 = 0x9200;

/// The IP version that the link layer announces, and where the IP header begins.
#[inline(always)]
pub(crate) fn network(packet: &Packet) -> Result<(Version, u32), Counter> {
    if packet.raw {
        return nibble(packet, 0, Counter::IpRunt, Counter::IpVersion);
    }
    let kind = packet.load_usual::<_, 12>(12).map(u16::from_be).ok_or(Counter::LinkRunt)?;
    ether_payload(packet, kind, 14)
}

/// The same for what stands at `at`, behind an EtherType.
#[inline(always)]
pub(crate) fn ether_payload(
    packet: &Packet,
    mut kind: u16,
    mut at: u32,
) -> Result<(Version, u32), Counter> {
    // Most packets; it spares them the search for tags.
    match kind {
        IPV4 => return Ok((Version::V4, at)),
        IPV6 => return Ok((Version::V6, at)),
        _ => {}
    }
    for _ in 0..MAX_TAGS {
        if !matches!(kind, VLAN | PROVIDER_VLAN | OLD_QINQ_1 | OLD_QINQ_2) {
            break;
        }
        kind = packet.load(at + 2).map(u16::from_be).ok_or(Counter::LinkRunt)?;
        at += 4;
    }
    match kind {
        IPV4 => Ok((Version::V4, at)),
        IPV6 => Ok((Version::V6, at)),
        MPLS | MPLS_MULTICAST => mpls(packet, at),
        PPPOE_SESSION => pppoe(packet, at),
        VLAN | PROVIDER_VLAN | OLD_QINQ_1 | OLD_QINQ_2 => Err(Counter::TooManyTags),
        _ => Err(Counter::NotIp),
    }
}

/// The version by the first nibble, where nothing else says it.
#[inline(always)]
fn nibble(
    packet: &Packet,
    at: u32,
    runt: Counter,
    other: Counter,
) -> Result<(Version, u32), Counter> {
    match packet.load::<u8>(at).ok_or(runt)? >> 4 {
        4 => Ok((Version::V4, at)),
        6 => Ok((Version::V6, at)),
        _ => Err(other),
    }
}

/// An MPLS label stack, RFC 3032; its payload is known by the first nibble (RFC 4928 section 3).
#[inline(always)]
fn mpls(packet: &Packet, mut at: u32) -> Result<(Version, u32), Counter> {
    for _ in 0..MAX_LABELS {
        let bottom = packet.load::<u8>(at + 2).ok_or(Counter::LinkRunt)? & 1 == 1;
        at += 4;
        if bottom {
            return nibble(packet, at, Counter::LinkRunt, Counter::NotIp);
        }
    }
    Err(Counter::TooManyLabels)
}

/// A PPPoE session packet, RFC 2516 section 4, with an uncompressed PPP protocol field.
#[inline(always)]
fn pppoe(packet: &Packet, at: u32) -> Result<(Version, u32), Counter> {
    let version_type_code = packet.load(at).map(u16::from_be).ok_or(Counter::LinkRunt)?;
    let protocol = packet.load(at + 6).map(u16::from_be).ok_or(Counter::LinkRunt)?;
    match (version_type_code, protocol) {
        (0x1100, 0x0021) => Ok((Version::V4, at + 8)),
        (0x1100, 0x0057) => Ok((Version::V6, at + 8)),
        _ => Err(Counter::NotIp),
    }
}
