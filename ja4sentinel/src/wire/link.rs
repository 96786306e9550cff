//! Link layers, down to the IP header.

use super::context::Context;
use super::ip::Version;
use super::span::Span;
use super::{Frame, LinkType, VlanTag, WireError, capture_header, wlan};

/// MPLS labels read before the frame is given up: deep label stacks of traffic-engineered networks
/// have about ten (RFC 8662 speaks of stacks beyond what hardware reads).
pub const MAX_LABELS: usize = 16;

/// EtherTypes, from the IEEE registry.
pub(super) mod ethertype {
    pub(in crate::wire) const IPV4: u16 = 0x0800;
    pub(in crate::wire) const IPV6: u16 = 0x86dd;
    pub(in crate::wire) const MPLS: u16 = 0x8847;
    pub(in crate::wire) const ETHERNET: u16 = 0x6558;
    pub(in crate::wire) const PPP: u16 = 0x880b;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(in crate::wire) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const VLAN: u16 = 0x8100;
    pub(super) const PROVIDER_VLAN: u16 = 0x88a8;
    /// Tags of double tagging from before 802.1ad.
    pub(super) const OLD_QINQ: [u16; 2] = [0x9100, 0x9200];
    /// Cisco metadata (security group tag).
    pub(super) const CISCO_METADATA: u16 = 0x8909;
    /// Values up to this one are lengths: IEEE 802.3, 3.2.6.
    pub(super) const MAX_LENGTH: u16 = 1500;
}

/// A header that is still to be read, by its kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layer<'a> {
    /// An Ethernet header.
    Ethernet(Span<'a>),
    /// What follows an EtherType.
    EtherType(u16, Span<'a>),
    /// An IEEE 802.2 LLC header.
    Llc(Span<'a>),
    /// A PPP header, with or without HDLC address and control bytes.
    Ppp(Span<'a>),
    /// An IEEE 802.11 header.
    Wlan(Span<'a>),
    /// An IP header.
    Ip(Version, Span<'a>),
}

/// The first header of a frame.
pub(super) fn first<'a>(frame: &Frame<'a>) -> Result<Layer<'a>, WireError> {
    let wire = usize::try_from(frame.original_len).unwrap_or(usize::MAX);
    let span = Span::new(frame.bytes, wire);
    if frame.link == LinkType::ETHERNET {
        Ok(Layer::Ethernet(span))
    } else {
        capture_header::read(frame.link, span)
    }
}

/// Goes down to the IP header. Every round shortens the span, so the walk ends.
#[inline]
pub(super) fn network<'a>(
    context: &mut Context,
    mut layer: Layer<'a>,
) -> Result<(Version, Span<'a>), WireError> {
    loop {
        layer = match layer {
            Layer::Ip(version, span) => return Ok((version, span)),
            Layer::Ethernet(span) => {
                let ([.., high, low], rest) = span.take::<14>(WireError::LinkRunt)?;
                length_or_type(u16::from_be_bytes([*high, *low]), rest)
            }
            Layer::EtherType(kind, span) => ether_payload(context, kind, span)?,
            Layer::Llc(span) => llc(span)?,
            Layer::Ppp(span) => ppp(span)?,
            Layer::Wlan(span) => Layer::Llc(wlan::read(span)?),
        };
    }
}

/// In an Ethernet header or VLAN tag a small number is a length, with LLC behind it.
#[inline]
fn length_or_type(value: u16, span: Span<'_>) -> Layer<'_> {
    if value <= ethertype::MAX_LENGTH {
        Layer::Llc(span.limit(usize::from(value)))
    } else {
        Layer::EtherType(value, span)
    }
}

#[inline]
fn ether_payload<'a>(
    context: &mut Context,
    kind: u16,
    span: Span<'a>,
) -> Result<Layer<'a>, WireError> {
    use ethertype::*;
    match kind {
        IPV4 => Ok(Layer::Ip(Version::V4, span)),
        IPV6 => Ok(Layer::Ip(Version::V6, span)),
        VLAN | PROVIDER_VLAN => vlan(context, span),
        kind if OLD_QINQ.contains(&kind) => vlan(context, span),
        MPLS | MPLS_MULTICAST => mpls(context, span),
        PPPOE_SESSION => pppoe(span),
        CISCO_METADATA => {
            // Version, length, option type and security group, then the EtherType.
            let ([.., high, low], rest) = span.take::<8>(WireError::LinkRunt)?;
            Ok(Layer::EtherType(u16::from_be_bytes([*high, *low]), rest))
        }
        _ => Err(WireError::NotIp),
    }
}

fn vlan<'a>(context: &mut Context, span: Span<'a>) -> Result<Layer<'a>, WireError> {
    let ([t0, t1, e0, e1], rest) = span.take::<4>(WireError::LinkRunt)?;
    context.tag(VlanTag { tci: u16::from_be_bytes([*t0, *t1]) })?;
    Ok(length_or_type(u16::from_be_bytes([*e0, *e1]), rest))
}

/// An MPLS label stack, RFC 3032. It does not name its payload: the first nibble does (RFC 4928,
/// section 3); nibble 0 is the control word of a pseudowire (RFC 4385), which counts as a tunnel.
fn mpls<'a>(context: &mut Context, mut span: Span<'a>) -> Result<Layer<'a>, WireError> {
    for _ in 0..MAX_LABELS {
        let ([_, _, bottom, _], rest) = span.take::<4>(WireError::LinkRunt)?;
        span = rest;
        if bottom & 1 == 0 {
            continue;
        }
        let ([first], _) = span.take::<1>(WireError::LinkRunt)?;
        return match first >> 4 {
            4 => Ok(Layer::Ip(Version::V4, span)),
            6 => Ok(Layer::Ip(Version::V6, span)),
            0 => {
                context.enter()?;
                Ok(Layer::Ethernet(span.skip(4, WireError::LinkRunt)?))
            }
            _ => Err(WireError::NotIp),
        };
    }
    Err(WireError::TooManyLabels)
}

/// A PPPoE session packet, RFC 2516 section 4.
fn pppoe(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let ([version_type, code, _, _, l0, l1], rest) = span.take::<6>(WireError::LinkRunt)?;
    if (*version_type, *code) != (0x11, 0) {
        return Err(WireError::NotIp);
    }
    Ok(Layer::Ppp(rest.limit(usize::from(u16::from_be_bytes([*l0, *l1])))))
}

/// PPP, RFC 1661 section 2 and RFC 1662 section 3.1; an odd first protocol byte is a protocol
/// field compressed to one byte.
fn ppp(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let span = match span.captured() {
        [0xff, 0x03, ..] => span.skip(2, WireError::LinkRunt)?,
        _ => span,
    };
    let ([first], rest) = span.take::<1>(WireError::LinkRunt)?;
    let (protocol, rest) = if first & 1 == 1 {
        (u16::from(*first), rest)
    } else {
        let ([second], rest) = rest.take::<1>(WireError::LinkRunt)?;
        (u16::from_be_bytes([*first, *second]), rest)
    };
    match protocol {
        0x0021 => Ok(Layer::Ip(Version::V4, rest)),
        0x0057 => Ok(Layer::Ip(Version::V6, rest)),
        0x0281 | 0x0283 => Ok(Layer::EtherType(ethertype::MPLS, rest)),
        _ => Err(WireError::NotIp),
    }
}

/// IEEE 802.2 LLC with SNAP and an EtherType: RFC 1042; the other organisation code is that of
/// bridged frames (802.1H).
fn llc(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let ([dsap, ssap, control], rest) = span.take::<3>(WireError::LinkRunt)?;
    if (*dsap, *ssap, *control) != (0xaa, 0xaa, 0x03) {
        return Err(WireError::NotIp);
    }
    let ([o0, o1, o2, e0, e1], rest) = rest.take::<5>(WireError::LinkRunt)?;
    match [o0, o1, o2] {
        [0, 0, 0 | 0xf8] => Ok(Layer::EtherType(u16::from_be_bytes([*e0, *e1]), rest)),
        _ => Err(WireError::NotIp),
    }
}
