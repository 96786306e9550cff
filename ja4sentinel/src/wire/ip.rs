//! IPv4 and IPv6 headers, and the extension headers behind them.

use std::net::IpAddr;

use etherparse::err::{ipv4, ipv6};
use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::context::Context;
use super::span::Span;
use super::{Fragment, IpFacts, WireError, checksum};

/// Extension headers read before the datagram is given up. RFC 8200, section 4.1, has seven at the
/// most in a well-formed datagram.
pub const MAX_EXTENSIONS: usize = 16;

/// Protocol numbers, from the IANA registry.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV4: u8 = 4;
pub(super) const IPV6: u8 = 41;
pub(super) const GRE: u8 = 47;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;

/// The IP version that the layer below announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
    /// Not said: the version nibble tells.
    Either,
}

/// A datagram whose payload is all there, as far as fragmentation goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) facts: IpFacts,
    pub(super) protocol: u8,
    pub(super) payload: Span<'a>,
}

impl<'a> Datagram<'a> {
    pub(super) fn of_fragment(whole: &Fragment<'a>) -> Self {
        let captured = whole.payload.len();
        let missing = usize::try_from(whole.missing).unwrap_or(usize::MAX);
        Self {
            source: whole.source,
            destination: whole.destination,
            facts: whole.ip,
            protocol: whole.protocol,
            payload: Span::new(whole.payload, captured.saturating_add(missing)),
        }
    }

    fn piece(self, context: &Context, id: u32, offset: u32, more: bool) -> Fragment<'a> {
        Fragment {
            timestamp_ns: context.timestamp_ns,
            interface: context.interface,
            vlan: context.vlan,
            source: self.source,
            destination: self.destination,
            ip: self.facts,
            id,
            protocol: self.protocol,
            offset,
            more,
            payload: self.payload.captured(),
            missing: self.payload.missing(),
            depth: context.tunnels,
            unverified: context.is_doubted(),
        }
    }
}

/// A datagram, or a piece of one.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one packet")]
pub(super) enum Ip<'a> {
    Whole(Datagram<'a>),
    Piece(Fragment<'a>),
}

/// Reads an IP header and what stands between it and the transport header.
#[inline]
pub(super) fn read<'a>(
    context: &Context,
    announced: Version,
    span: Span<'a>,
) -> Result<Ip<'a>, WireError> {
    let ([first], _) = span.take::<1>(WireError::IpRunt)?;
    match (first >> 4, announced) {
        (4, Version::V4 | Version::Either) => read_v4(context, span),
        (6, Version::V6 | Version::Either) => read_v6(context, span),
        _ => Err(WireError::IpVersion),
    }
}

/// RFC 791, section 3.1.
#[inline]
fn read_v4<'a>(context: &Context, span: Span<'a>) -> Result<Ip<'a>, WireError> {
    let header = Ipv4HeaderSlice::from_slice(span.captured()).map_err(|error| match error {
        ipv4::HeaderSliceError::Len(len) if span.wire() < 20 => {
            span.short(len.required_len, WireError::IpRunt)
        }
        ipv4::HeaderSliceError::Len(len) => {
            span.short(len.required_len, WireError::Ipv4HeaderLength)
        }
        ipv4::HeaderSliceError::Content(_) => WireError::Ipv4HeaderLength,
    })?;
    let header_len = header.slice().len();
    let span = match usize::from(header.total_len()) {
        // Segmentation offload: the frame had no length yet, or one that 16 bits cannot state.
        0 => span,
        total if total < header_len => return Err(WireError::Ipv4TotalLength),
        total if context.is_doubted() && total > span.wire() => {
            return Err(WireError::IpBeyondFrame);
        }
        total => span.limit(total),
    };
    if context.is_doubted() && !checksum::is_sound(header.slice()) {
        return Err(WireError::Ipv4Checksum);
    }
    let datagram = Datagram {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        facts: IpFacts {
            ttl: header.ttl(),
            total_length: u32::try_from(span.wire()).unwrap_or(u32::MAX),
            id: Some(header.identification()),
            df: Some(header.dont_fragment()),
        },
        protocol: header.protocol().0,
        payload: span.skip(header_len, WireError::Ipv4HeaderLength)?,
    };
    if !header.is_fragmenting_payload() {
        return extensions(context, datagram);
    }
    if !matters(context, datagram.protocol) {
        return Err(WireError::NotTcp);
    }
    let offset = u32::from(header.fragments_offset().value()) * 8;
    let id = u32::from(header.identification());
    Ok(Ip::Piece(datagram.piece(context, id, offset, header.more_fragments())))
}

/// RFC 8200, section 3.
#[inline]
fn read_v6<'a>(context: &Context, span: Span<'a>) -> Result<Ip<'a>, WireError> {
    let header = Ipv6HeaderSlice::from_slice(span.captured()).map_err(|error| match error {
        ipv6::HeaderSliceError::Len(len) => span.short(len.required_len, WireError::IpRunt),
        ipv6::HeaderSliceError::Content(_) => WireError::IpVersion,
    })?;
    let header_len = header.slice().len();
    let span = match usize::from(header.payload_length()) {
        // A jumbogram (RFC 2675) or segmentation offload: to the end of the frame.
        0 => span,
        payload if context.is_doubted() && header_len + payload > span.wire() => {
            return Err(WireError::IpBeyondFrame);
        }
        payload => span.limit(header_len + payload),
    };
    let datagram = Datagram {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        facts: IpFacts {
            ttl: header.hop_limit(),
            total_length: u32::try_from(span.wire()).unwrap_or(u32::MAX),
            id: None,
            df: None,
        },
        protocol: header.next_header().0,
        payload: span.skip(header_len, WireError::IpRunt)?,
    };
    extensions(context, datagram)
}

/// Whether a fragmented IPv4 datagram of this protocol may hold a TCP segment that is asked for.
fn matters(context: &Context, protocol: u8) -> bool {
    match protocol {
        TCP | AUTHENTICATION => true,
        IPV4 | IPV6 | GRE | UDP => context.may_enter(),
        _ => false,
    }
}

/// Walks over the extension headers (RFC 8200 section 4; for IPv4 the authentication header alone,
/// RFC 4302) to the transport header.
#[inline]
pub(super) fn extensions<'a>(
    context: &Context,
    mut datagram: Datagram<'a>,
) -> Result<Ip<'a>, WireError> {
    const RUNT: WireError = WireError::ExtensionLength;
    let v6 = datagram.source.is_ipv6();
    for _ in 0..=MAX_EXTENSIONS {
        let span = datagram.payload;
        let (next, len) = match datagram.protocol {
            TCP => return Ok(Ip::Whole(datagram)),
            AUTHENTICATION => {
                let header =
                    IpAuthHeaderSlice::from_slice(span.captured()).map_err(
                        |error| match error {
                            etherparse::err::ip_auth::HeaderSliceError::Len(len) => {
                                span.short(len.required_len, RUNT)
                            }
                            etherparse::err::ip_auth::HeaderSliceError::Content(_) => RUNT,
                        },
                    )?;
                (header.next_header().0, header.slice().len())
            }
            FRAGMENT if v6 => {
                let header = Ipv6FragmentHeaderSlice::from_slice(span.captured())
                    .map_err(|len| span.short(len.required_len, RUNT))?;
                if header.is_fragmenting_payload() {
                    // Fragments behind the first may name any next header (RFC 8200 section 4.5),
                    // so none is left out here for what it names.
                    datagram.protocol = header.next_header().0;
                    datagram.payload = span.skip(header.slice().len(), RUNT)?;
                    let offset = u32::from(header.fragment_offset().value()) * 8;
                    let (id, more) = (header.identification(), header.more_fragments());
                    return Ok(Ip::Piece(datagram.piece(context, id, offset, more)));
                }
                (header.next_header().0, header.slice().len())
            }
            other if v6 && Ipv6RawExtHeaderSlice::header_type_supported(other.into()) => {
                let header = Ipv6RawExtHeaderSlice::from_slice(span.captured())
                    .map_err(|len| span.short(len.required_len, RUNT))?;
                (header.next_header().0, header.slice().len())
            }
            _ => return Ok(Ip::Whole(datagram)),
        };
        datagram.protocol = next;
        datagram.payload = span.skip(len, RUNT)?;
    }
    Err(WireError::TooManyExtensions)
}
