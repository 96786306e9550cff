//! Link types other than Ethernet, most of them made by the capturing system: the tcpdump
//! LINKTYPE registry states their forms.

use super::ip::Version;
use super::link::{Layer, ethertype};
use super::span::Span;
use super::{LinkType, WireError};

const RUNT: WireError = WireError::LinkRunt;

/// Reads the header that the link type stands for.
pub(super) fn read(link: LinkType, span: Span<'_>) -> Result<Layer<'_>, WireError> {
    match link {
        LinkType::ETHERNET => Ok(Layer::Ethernet(span)),
        LinkType::RAW => Ok(Layer::Ip(Version::Either, span)),
        LinkType::IPV4 => Ok(Layer::Ip(Version::V4, span)),
        LinkType::IPV6 => Ok(Layer::Ip(Version::V6, span)),
        LinkType::NULL | LinkType::LOOP => loopback(span),
        LinkType::LINUX_SLL => {
            let ([.., high, low], rest) = span.take::<16>(RUNT)?;
            cooked(u16::from_be_bytes([*high, *low]), rest)
        }
        LinkType::LINUX_SLL2 => {
            let ([high, low, ..], rest) = span.take::<20>(RUNT)?;
            cooked(u16::from_be_bytes([*high, *low]), rest)
        }
        LinkType::PPP | LinkType::PPP_HDLC => Ok(Layer::Ppp(span)),
        LinkType::PPP_WITH_DIRECTION => Ok(Layer::Ppp(span.skip(1, RUNT)?)),
        LinkType::PPP_ETHER => Ok(Layer::EtherType(ethertype::PPPOE_SESSION, span)),
        LinkType::CISCO_HDLC => {
            let ([_, _, high, low], rest) = span.take::<4>(RUNT)?;
            Ok(Layer::EtherType(u16::from_be_bytes([*high, *low]), rest))
        }
        LinkType::IEEE802_11 => Ok(Layer::Wlan(span)),
        LinkType::RADIOTAP => {
            let ([_, _, l0, l1], _) = span.take::<4>(RUNT)?;
            Ok(Layer::Wlan(span.skip(usize::from(u16::from_le_bytes([*l0, *l1])), RUNT)?))
        }
        LinkType::NFLOG => nflog(span),
        LinkType::PPI => {
            let ([_, _, l0, l1, dlt @ ..], _) = span.take::<8>(RUNT)?;
            inside(*dlt, span.skip(usize::from(u16::from_le_bytes([*l0, *l1])), RUNT)?)
        }
        LinkType::PKTAP => {
            let ([l0, l1, l2, l3, _, _, _, _, dlt @ ..], _) = span.take::<12>(RUNT)?;
            let len = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
            inside(*dlt, span.skip(usize::try_from(len).unwrap_or(usize::MAX), RUNT)?)
        }
        _ => Err(WireError::UnsupportedLink),
    }
}

/// A frame behind a header that names its link type, little-endian as on the machines that write
/// such headers. One such header in another does not occur.
fn inside(dlt: [u8; 4], span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let dlt = u16::try_from(u32::from_le_bytes(dlt)).map_err(|_| WireError::UnsupportedLink)?;
    match LinkType::from_dlt(dlt) {
        LinkType::PPI | LinkType::PKTAP => Err(WireError::UnsupportedLink),
        link => read(link, span),
    }
}

/// The address family is in the byte order of the capturing machine, and IPv6 has the number that
/// the capturing system gave it.
fn loopback(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let (family, rest) = span.take::<4>(RUNT)?;
    match u32::from_le_bytes(*family).min(u32::from_be_bytes(*family)) {
        2 => Ok(Layer::Ip(Version::V4, rest)),
        10 | 23 | 24 | 28 | 30 => Ok(Layer::Ip(Version::V6, rest)),
        _ => Err(WireError::NotIp),
    }
}

/// The protocol of a Linux cooked header: an EtherType, or one of Linux's own small numbers, of which
/// one may lead to IP.
fn cooked(protocol: u16, rest: Span<'_>) -> Result<Layer<'_>, WireError> {
    /// `ETH_P_802_2`: an LLC header follows.
    const LLC: u16 = 4;
    match protocol {
        LLC => Ok(Layer::Llc(rest)),
        kind => Ok(Layer::EtherType(kind, rest)),
    }
}

/// Netfilter log: attributes in the byte order of the capturing machine, one of which is the
/// datagram.
fn nflog(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let ([family, ..], attributes) = span.take::<4>(RUNT)?;
    let version = match family {
        2 => Version::V4,
        10 => Version::V6,
        _ => return Err(WireError::NotIp),
    };
    nflog_payload(attributes, u16::from_le_bytes)
        .or_else(|_| nflog_payload(attributes, u16::from_be_bytes))
        .map(|payload| Layer::Ip(version, payload))
}

fn nflog_payload(mut span: Span<'_>, order: fn([u8; 2]) -> u16) -> Result<Span<'_>, WireError> {
    /// `NFULA_PAYLOAD` of Linux's `nfnetlink_log.h`.
    const PAYLOAD: u16 = 9;
    /// Linux knows about twenty attributes.
    const MAX_ATTRIBUTES: usize = 32;
    for _ in 0..MAX_ATTRIBUTES {
        let ([l0, l1, k0, k1], rest) = span.take::<4>(RUNT)?;
        let length = usize::from(order([*l0, *l1]));
        let value = length.checked_sub(4).ok_or(RUNT)?;
        if order([*k0, *k1]) == PAYLOAD {
            return Ok(rest.limit(value));
        }
        span = rest.skip(value.next_multiple_of(4), RUNT)?;
    }
    Err(RUNT)
}
