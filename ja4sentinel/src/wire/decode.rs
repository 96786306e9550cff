//! Frame to segment.

use super::context::Context;
use super::ip::{self, Datagram, Ip};
use super::link::{self, Layer};
use super::{Fragment, Frame, Segment, WireError, tcp, tunnel, usual};

/// What a frame held.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one packet")]
pub enum Packet<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A fragment of an IP datagram that may hold one.
    Fragment(Fragment<'a>),
}

/// Finds the TCP segment or IP fragment in a frame, unwrapping at most `depth` tunnels.
///
/// # Errors
/// One [`WireError`] a cause.
#[inline]
pub fn decode<'a>(frame: &Frame<'a>, depth: u8) -> Result<Packet<'a>, WireError> {
    match usual::segment(frame) {
        Some(segment) => Ok(Packet::Segment(segment)),
        None => decode_any(frame, depth),
    }
}

/// [`decode`] without the shortcut.
#[inline(never)]
pub(super) fn decode_any<'a>(frame: &Frame<'a>, depth: u8) -> Result<Packet<'a>, WireError> {
    let mut context = Context::of_frame(frame, depth);
    descend(&mut context, link::first(frame)?)
}

/// Finds the packet in a reassembled datagram: `whole` is the first fragment's description with
/// offset 0, no more fragments, and the complete payload.
///
/// # Errors
/// One [`WireError`] a cause.
pub fn decode_datagram<'a>(whole: &Fragment<'a>, depth: u8) -> Result<Packet<'a>, WireError> {
    let mut context = Context::of_datagram(whole, depth);
    match ip::extensions(&context, Datagram::of_fragment(whole))? {
        Ip::Piece(fragment) => Ok(Packet::Fragment(fragment)),
        Ip::Whole(datagram) if datagram.protocol == ip::TCP => {
            tcp::read(&context, &datagram).map(Packet::Segment)
        }
        Ip::Whole(datagram) => {
            let inner = tunnel::open(&mut context, &datagram)?;
            descend(&mut context, inner)
        }
    }
}

/// Goes down from a layer to the innermost TCP header, or to the first fragment on the way.
/// Ends, because each round but the last enters one of a limited number of tunnels.
// Inlined, because handing a packet up through one more call costs half as much as decoding it.
#[inline(always)]
fn descend<'a>(context: &mut Context, mut layer: Layer<'a>) -> Result<Packet<'a>, WireError> {
    loop {
        let (version, span) = link::network(context, layer)?;
        let datagram = match ip::read(context, version, span)? {
            Ip::Whole(datagram) => datagram,
            Ip::Piece(fragment) => return Ok(Packet::Fragment(fragment)),
        };
        if datagram.protocol == ip::TCP {
            return tcp::read(context, &datagram).map(Packet::Segment);
        }
        layer = tunnel::open(context, &datagram)?;
    }
}
