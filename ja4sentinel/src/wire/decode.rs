//! Frame to segment.

use super::{Fragment, Frame, Segment};

/// What a frame held.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "lives on the stack for one packet")]
pub enum Packet<'a> {
    /// A TCP segment.
    Segment(Segment<'a>),
    /// A fragment of an IP datagram that may hold one.
    Fragment(Fragment<'a>),
}

/// Why a frame gave no packet: one variant a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireError {
    /// The link-layer type is none that we read.
    UnsupportedLink,
}

/// Finds the TCP segment or IP fragment in a frame, unwrapping at most `depth` tunnels.
///
/// # Errors
/// One [`WireError`] a cause.
pub fn decode<'a>(_frame: &Frame<'a>, _depth: u8) -> Result<Packet<'a>, WireError> {
    Err(WireError::UnsupportedLink)
}

/// Finds the packet in a reassembled datagram: `whole` is the first fragment's description with
/// offset 0, no more fragments, and the complete payload.
///
/// # Errors
/// One [`WireError`] a cause.
pub fn decode_datagram<'a>(_whole: &Fragment<'a>, _depth: u8) -> Result<Packet<'a>, WireError> {
    Err(WireError::UnsupportedLink)
}
