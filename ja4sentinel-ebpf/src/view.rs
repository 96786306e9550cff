//! What was read of a packet.

use ja4sentinel_common::Tuple;

/// What was read of the packet. It lies in the scratch space rather than on the stack, which is
/// small, and so that the verifier forgets how each number came about: that keeps the paths through
/// the headers from multiplying with those behind them.
#[repr(C)]
pub(crate) struct View {
    /// The connection; of a fragment the addresses alone, at first.
    pub(crate) tuple: Tuple,
    /// Where in the frame the IP payload begins, behind all extension headers.
    pub(crate) at: u32,
    /// Where it ends: padding left out, and never beyond the frame.
    pub(crate) end: u32,
    /// What the IP payload is.
    pub(crate) protocol: u32,
    /// What a tunnel holds: an EtherType.
    pub(crate) kind: u32,
    /// Whether the extension headers of IPv6 may follow: 0 or 1.
    pub(crate) extensible: u32,
    /// Whether the datagram is a fragment: 0 or 1. The next two count only then.
    pub(crate) fragmented: u32,
    /// Identification of the whole datagram, as it lies in the frame.
    pub(crate) id: u32,
    /// Offset of this fragment in the datagram's payload, bytes.
    pub(crate) offset: u32,
    /// TCP sequence number, as in the header.
    pub(crate) sequence: u32,
    /// TCP acknowledgement number.
    pub(crate) acknowledgement: u32,
    /// TCP flags.
    pub(crate) flags: u32,
    /// Where in the frame the TCP payload begins: the length of all headers.
    pub(crate) payload_at: u32,
    /// TCP payload bytes in the frame.
    pub(crate) payload_len: u32,
    /// See [`crate::packet::Packet::forget`].
    pub(crate) number: u32,
    /// How many of `prefix` count.
    pub(crate) prefix_len: u32,
    /// The first bytes of the payload.
    pub(crate) prefix: [u8; PREFIX],
}

/// Payload bytes that are looked at: a change_cipher_spec record and the start of a ClientHello
/// behind it.
pub(crate) const PREFIX: usize = 16;
