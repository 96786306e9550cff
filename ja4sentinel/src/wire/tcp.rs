//! The TCP header.

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::HeaderSliceError;

use super::context::Context;
use super::ip::Datagram;
use super::{Endpoint, Segment, TcpFlags, TcpOptions, WireError, checksum};

/// RFC 9293, section 3.1.
#[inline]
pub(super) fn read<'a>(
    context: &Context,
    datagram: &Datagram<'a>,
) -> Result<Segment<'a>, WireError> {
    let span = datagram.payload;
    let header = TcpHeaderSlice::from_slice(span.captured()).map_err(|error| match error {
        HeaderSliceError::Len(len) if span.wire() < 20 => {
            span.short(len.required_len, WireError::TcpRunt)
        }
        HeaderSliceError::Len(len) => span.short(len.required_len, WireError::TcpHeaderLength),
        HeaderSliceError::Content(_) => WireError::TcpHeaderLength,
    })?;
    if context.is_doubted()
        && span.missing() == 0
        && !checksum::is_sound_segment(span.captured(), datagram.source, datagram.destination)
    {
        return Err(WireError::TcpChecksum);
    }
    let bytes = header.slice();
    let flags = TcpFlags(bytes.get(13).copied().unwrap_or_default());
    let (sequence, flags) = position(header.sequence_number(), flags, context.skipped_payload);
    let payload = span.skip(bytes.len(), WireError::TcpHeaderLength)?;
    let skipped = usize::try_from(context.skipped_payload).unwrap_or(usize::MAX);
    let payload = payload.limit(payload.wire().saturating_sub(skipped));
    Ok(Segment {
        timestamp_ns: context.timestamp_ns,
        interface: context.interface,
        vlan: context.vlan,
        source: Endpoint { addr: datagram.source, port: header.source_port() },
        destination: Endpoint { addr: datagram.destination, port: header.destination_port() },
        ip: datagram.facts,
        sequence,
        flags,
        window: header.window_size(),
        options: TcpOptions(bytes.get(20..).unwrap_or_default()),
        payload: payload.captured(),
        missing: payload.missing(),
        fragmented: context.fragmented,
    })
}

/// Sequence number and flags of what is left when the first `skipped` payload bytes stand in
/// another frame. The SYN takes a number of its own in front of the payload (RFC 9293, section
/// 3.4), so a later slice of a SYN with data holds data alone.
fn position(sequence: u32, flags: TcpFlags, skipped: u32) -> (u32, TcpFlags) {
    if skipped == 0 {
        return (sequence, flags);
    }
    let syn = u32::from(flags.any(TcpFlags::SYN));
    (sequence.wrapping_add(syn).wrapping_add(skipped), TcpFlags(flags.0 & !TcpFlags::SYN))
}
