//! What travels through the ring buffer.
//!
//! A ring record is a [`Head`] and the bytes of one frame. When the connection's SYN was kept it
//! comes first in the same record, as a [`KeptSyn`]: so neither arrives without the other.

/// Room for the bytes of a kept SYN: Ethernet with two tags (22), IPv6 (40), the longest TCP header
/// (60), and 70 for extension headers, which a SYN hardly ever has.
pub const SYN_ROOM: usize = 192;
/// Room for all headers before a TCP payload. Without extension headers the longest are 158 bytes.
pub const HEADER_ROOM: usize = 1024;
/// Payload bytes in one ring record; more of a frame (GRO makes up to 64 KiB and more of many
/// segments) follows in further records. A per-CPU value of the kernel is at most 32 KiB.
pub const SLICE: usize = 16 * 1024;

/// What a frame's bytes cannot say.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// When the program saw the frame, nanoseconds of `CLOCK_BOOTTIME`.
    pub time_ns: u64,
    /// Index of the interface.
    pub interface: u32,
    /// Length of the whole frame in bytes, as the program saw it.
    pub original_len: u32,
    /// Payload bytes left out between the headers and the captured payload.
    pub skipped: u32,
    /// Bytes of the frame that follow this head.
    pub captured: u32,
    /// TCP sequence number, as in the header; 0 in a fragment.
    pub sequence: u32,
    /// VLAN tag that is in the kernel's metadata, not in the bytes; see [`Head::TAGGED`].
    pub tci: u16,
    /// The bits named below.
    pub flags: u16,
}

impl Head {
    /// Bytes of a head.
    pub const SIZE: usize = size_of::<Self>();
    /// `tci` counts.
    pub const TAGGED: u16 = 1;
    /// The bytes begin with the IP header, not with Ethernet.
    pub const RAW: u16 = 2;
    /// This is a [`KeptSyn`]: its bytes have [`SYN_ROOM`], and another head comes behind them.
    pub const SYN: u16 = 4;
    /// It is one frame as it was received, and neither the network interface nor the kernel has checked
    /// its TCP checksum.
    pub const UNVERIFIED: u16 = 8;
}

/// A SYN that waits for the first payload of its connection.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSyn {
    /// Its head.
    pub head: Head,
    /// Its frame; the first `head.captured` bytes count.
    pub bytes: [u8; SYN_ROOM],
}

const _: () = assert!(Head::SIZE == 32 && size_of::<KeptSyn>() == Head::SIZE + SYN_ROOM);

#[cfg(feature = "user")]
// SAFETY: the sizes asserted above leave no padding; every bit pattern is a value.
unsafe impl aya::Pod for Head {}
