//! Tunnels: what is inside a datagram that is not TCP.

use super::WireError;
use super::context::Context;
use super::ip::{self, Datagram, Version};
use super::link::{Layer, ethertype};
use super::span::Span;

/// A tunnel's header that goes beyond the datagram.
const BROKEN: WireError = WireError::TunnelHeader;

/// A UDP datagram that a port number alone called a tunnel, and whose bytes say otherwise.
const OTHER: WireError = WireError::NotTcp;

/// UDP ports of the tunnels that we read, from the IANA registry; Linux's VXLAN is older than its
/// registration and has a default port of its own.
mod port {
    pub(super) const VXLAN: u16 = 4789;
    pub(super) const VXLAN_LINUX: u16 = 8472;
    pub(super) const GENEVE: u16 = 6081;
    pub(super) const GTP_U: u16 = 2152;
}

/// Extension headers of GTP-U read before the datagram is given up; real ones have one or two.
const MAX_GTP_EXTENSIONS: usize = 8;

/// Goes into the tunnel, if the datagram is one and one more may be unwrapped.
pub(super) fn open<'a>(
    context: &mut Context,
    datagram: &Datagram<'a>,
) -> Result<Layer<'a>, WireError> {
    let span = datagram.payload;
    match datagram.protocol {
        // RFC 2003, RFC 4213 and RFC 2473.
        ip::IPV4 => context.enter().map(|()| Layer::Ip(Version::V4, span)),
        ip::IPV6 => context.enter().map(|()| Layer::Ip(Version::V6, span)),
        ip::GRE => {
            context.enter()?;
            gre(span)
        }
        ip::UDP => {
            let ([s0, s1, d0, d1, l0, l1, _, _], rest) = span.take::<8>(OTHER)?;
            let source = u16::from_be_bytes([*s0, *s1]);
            let destination = u16::from_be_bytes([*d0, *d1]);
            let read = match (source, destination) {
                (_, port::VXLAN | port::VXLAN_LINUX) => vxlan,
                (_, port::GENEVE) => geneve,
                (port::GTP_U, _) | (_, port::GTP_U) => gtp,
                _ => return Err(OTHER),
            };
            context.enter()?;
            // A length of 0 is segmentation offload or a jumbogram: to the end of the datagram.
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            read(length.checked_sub(8).map_or(rest, |length| rest.limit(length)))
        }
        _ => Err(WireError::NotTcp),
    }
}

/// GRE: RFC 2784 with the key and sequence number of RFC 2890, and the enhanced form of PPTP
/// (RFC 2637, section 4.1).
fn gre(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    const CHECKSUM: u16 = 0x8000;
    const ROUTING: u16 = 0x4000;
    const KEY: u16 = 0x2000;
    const SEQUENCE: u16 = 0x1000;
    const ACKNOWLEDGEMENT: u16 = 0x0080;
    const VERSION: u16 = 0x0007;
    let ([f0, f1, k0, k1], mut rest) = span.take::<4>(BROKEN)?;
    let flags = u16::from_be_bytes([*f0, *f1]);
    let kind = u16::from_be_bytes([*k0, *k1]);
    if flags & ROUTING != 0 || flags & VERSION > 1 {
        return Err(WireError::UnsupportedForm);
    }
    let present = match flags & VERSION {
        0 => CHECKSUM | KEY | SEQUENCE,
        _ => KEY | SEQUENCE | ACKNOWLEDGEMENT,
    };
    for _ in 0..(flags & present).count_ones() {
        rest = rest.skip(4, BROKEN)?;
    }
    match (flags & VERSION, kind) {
        (0, ethertype::ETHERNET) => Ok(Layer::Ethernet(rest)),
        (0, 0x88be) => erspan(rest, flags & SEQUENCE != 0),
        (0, 0x22eb) => erspan3(rest),
        (1, ethertype::PPP) => Ok(Layer::Ppp(rest)),
        (0, kind) => Ok(Layer::EtherType(kind, rest)),
        _ => Err(WireError::UnsupportedForm),
    }
}

/// ERSPAN types I (no header, no sequence number) and II (draft-foschiano-erspan).
fn erspan(span: Span<'_>, type_two: bool) -> Result<Layer<'_>, WireError> {
    Ok(Layer::Ethernet(if type_two { span.skip(8, BROKEN)? } else { span }))
}

/// ERSPAN type III (draft-foschiano-erspan): frame type 0 is Ethernet, 2 is IP; the last bit
/// announces a platform sub-header.
fn erspan3(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let ([.., frame_type, last], rest) = span.take::<12>(BROKEN)?;
    let rest = if last & 1 == 1 { rest.skip(8, BROKEN)? } else { rest };
    match frame_type >> 2 & 0x1f {
        0 => Ok(Layer::Ethernet(rest)),
        2 => Ok(Layer::Ip(Version::Either, rest)),
        _ => Err(WireError::NotIp),
    }
}

/// RFC 7348, section 5.
fn vxlan(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    const HAS_IDENTIFIER: u8 = 0x08;
    let ([flags, ..], rest) = span.take::<8>(OTHER)?;
    if flags & HAS_IDENTIFIER == 0 {
        return Err(OTHER);
    }
    Ok(Layer::Ethernet(rest))
}

/// RFC 8926, section 3.
fn geneve(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    let ([version_length, _, k0, k1, ..], rest) = span.take::<8>(OTHER)?;
    if version_length >> 6 != 0 {
        return Err(OTHER);
    }
    let rest = rest.skip(usize::from(version_length & 0x3f) * 4, OTHER)?;
    match u16::from_be_bytes([*k0, *k1]) {
        ethertype::ETHERNET => Ok(Layer::Ethernet(rest)),
        kind => Ok(Layer::EtherType(kind, rest)),
    }
}

/// GTP-U version 1, user data alone: 3GPP TS 29.281, section 5.
fn gtp(span: Span<'_>) -> Result<Layer<'_>, WireError> {
    const USER_DATA: u8 = 0xff;
    const OPTIONAL_PART: u8 = 0x07;
    const HAS_EXTENSION: u8 = 0x04;
    let ([flags, message, l0, l1, ..], rest) = span.take::<8>(OTHER)?;
    // Version 1, and GTP rather than GTP'.
    if flags >> 4 != 0b0011 || *message != USER_DATA {
        return Err(OTHER);
    }
    let mut rest = rest.limit(usize::from(u16::from_be_bytes([*l0, *l1])));
    if flags & OPTIONAL_PART != 0 {
        let ([_, _, _, first], behind) = rest.take::<4>(OTHER)?;
        rest = behind;
        let mut next = if flags & HAS_EXTENSION != 0 { *first } else { 0 };
        for _ in 0..MAX_GTP_EXTENSIONS {
            if next == 0 {
                break;
            }
            let ([units], _) = rest.take::<1>(OTHER)?;
            let len = usize::from(*units) * 4;
            let last = len.checked_sub(1).ok_or(OTHER)?;
            let ([following], behind) = rest.skip(last, OTHER)?.take::<1>(OTHER)?;
            (next, rest) = (*following, behind);
        }
        if next != 0 {
            return Err(OTHER);
        }
    }
    Ok(Layer::Ip(Version::Either, rest))
}
