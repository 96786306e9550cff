//! The stage types that `wire` hands on.

use std::net::IpAddr;

use super::VlanTag;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// IP address.
    pub addr: IpAddr,
    /// TCP port.
    pub port: u16,
}

/// Facts of the IP header that identify the client's stack; a fact that IPv6 does not have is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpFacts {
    /// Time to live (IPv4) or hop limit (IPv6).
    pub ttl: u8,
    /// Length of the whole datagram in bytes, IP header included.
    pub total_length: u32,
    /// IPv4 identification.
    pub id: Option<u16>,
    /// IPv4 don't-fragment bit.
    pub df: Option<bool>,
}

/// TCP flags, RFC 9293 section 3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The sender is done.
    pub const FIN: u8 = 0x01;
    /// First segment of a connection.
    pub const SYN: u8 = 0x02;
    /// The connection is refused or aborted.
    pub const RST: u8 = 0x04;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;

    /// Whether any of the bits of `mask` is set.
    #[must_use]
    pub fn any(self, mask: u8) -> bool {
        self.0 & mask != 0
    }

    /// A SYN without ACK: the client opens a connection.
    #[must_use]
    pub fn opens(self) -> bool {
        self.0 & (Self::SYN | Self::ACK | Self::RST) == Self::SYN
    }
}

/// The raw option bytes of a TCP header, at most 40, not yet judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpOptions<'a>(pub &'a [u8]);

/// VLAN identifiers of a frame, outermost first; deeper tags than [`VlanStack::DEPTH`] are left
/// out, and so are priority tags, which name no VLAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VlanStack {
    ids: [u16; Self::DEPTH],
    len: u8,
}

impl VlanStack {
    /// Tags kept: 802.1ad allows two; captures of provider networks show four at the most.
    pub const DEPTH: usize = 4;

    /// Adds the next inner identifier.
    pub fn push(&mut self, id: u16) {
        if let Some(slot) = self.ids.get_mut(usize::from(self.len)) {
            *slot = id;
            self.len += 1;
        }
    }

    /// Adds the identifier of the next inner tag. A priority tag (identifier 0) names no VLAN: IEEE
    /// 802.1Q, table 9-2.
    pub(super) fn tag(&mut self, tag: VlanTag) {
        if tag.id() != 0 {
            self.push(tag.id());
        }
    }

    /// The identifiers, outermost first.
    #[must_use]
    pub fn ids(&self) -> &[u16] {
        self.ids.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// One TCP segment, with what its headers say.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Time of capture, nanoseconds since the UNIX epoch.
    pub timestamp_ns: u64,
    /// Interface of the frame, see [`super::Frame::interface`].
    pub interface: u32,
    /// VLAN identifiers, outermost first.
    pub vlan: VlanStack,
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// Facts of the (innermost) IP header.
    pub ip: IpFacts,
    /// Sequence number of the segment's first byte: of the SYN itself when that flag is set, else
    /// of `payload`; [`super::Frame::skipped_payload`] is already added. A later slice of a SYN with
    /// data comes without the flag, so the rule holds for it too.
    pub sequence: u32,
    /// Flags.
    pub flags: TcpFlags,
    /// Advertised window, unscaled.
    pub window: u16,
    /// Option bytes.
    pub options: TcpOptions<'a>,
    /// Captured payload bytes.
    pub payload: &'a [u8],
    /// Payload bytes that were on the wire behind `payload` but were not captured.
    pub missing: u32,
    /// Whether the segment was put together from IP fragments.
    pub fragmented: bool,
}

impl Segment<'_> {
    /// Sequence number of the first byte of `payload`: a SYN takes one number in front of it.
    #[must_use]
    pub fn payload_sequence(&self) -> u32 {
        self.sequence.wrapping_add(u32::from(self.flags.any(TcpFlags::SYN)))
    }
}

/// A piece of an IP datagram, to be put together before TCP can be read.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'a> {
    /// Time of capture, nanoseconds since the UNIX epoch.
    pub timestamp_ns: u64,
    /// Interface of the frame.
    pub interface: u32,
    /// VLAN identifiers, outermost first.
    pub vlan: VlanStack,
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Facts of the IP header of this fragment.
    pub ip: IpFacts,
    /// IPv4 identification, or that of the IPv6 fragment header.
    pub id: u32,
    /// Protocol of the whole datagram's payload: IPv4 protocol, or the fragment header's next header.
    pub protocol: u8,
    /// Offset of `payload` in the datagram's payload, bytes.
    pub offset: u32,
    /// Whether more fragments follow.
    pub more: bool,
    /// Captured bytes of this fragment.
    pub payload: &'a [u8],
    /// Bytes of this fragment that were on the wire behind `payload` but were not captured.
    pub missing: u32,
    /// How many tunnels were unwrapped before this header; what is inside goes on from there.
    pub depth: u8,
    /// See [`super::Frame::unverified`]; of a whole datagram, whether it is so of every fragment.
    pub unverified: bool,
}
