//! What a capture source hands over: bytes, and what the bytes cannot say.

/// One captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Time of capture, nanoseconds since the UNIX epoch.
    pub timestamp_ns: u64,
    /// Which interface saw it: an index into the source's table of interface names.
    pub interface: u32,
    /// How the first byte of `bytes` is to be read.
    pub link: LinkType,
    /// An outermost VLAN tag that is no longer in `bytes`, because the NIC or kernel took it out.
    pub vlan: Option<VlanTag>,
    /// The captured bytes, from the link layer on.
    pub bytes: &'a [u8],
    /// Length of the frame on the wire, in bytes; larger than `bytes` when the capture cut it.
    pub original_len: u32,
    /// Payload bytes that the source left out between the TCP header and the captured payload:
    /// a GRO super-frame is handed up in slices, each behind a copy of its headers.
    pub skipped_payload: u32,
    /// Whether this is a frame as it was received, of which nobody has checked anything yet: the
    /// receiver will, and throws it away when a length or a checksum is wrong. False when in doubt: a
    /// checksum that an interface has verified may be stale since, by joining segments, and one that
    /// an interface is to fill in may not be there yet.
    pub unverified: bool,
}

/// An IEEE 802.1Q tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanTag {
    /// Tag control information: priority (3 bits), drop eligible (1), VLAN identifier (12).
    pub tci: u16,
}

impl VlanTag {
    /// The VLAN identifier, 0 to 4095; 0 is a priority tag.
    #[must_use]
    pub fn id(self) -> u16 {
        self.tci & 0x0fff
    }
}

/// Link-layer header type of a frame, by the numbers of the tcpdump LINKTYPE registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: address family in host byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, with or without HDLC-like framing.
    pub const PPP: Self = Self(9);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: Self = Self(50);
    /// PPPoE session packets without their Ethernet header.
    pub const PPP_ETHER: Self = Self(51);
    /// Per-packet information, with a link type of its own inside.
    pub const PPI: Self = Self(192);
    /// Apple's packet tap, with a link type of its own inside.
    pub const PKTAP: Self = Self(258);
    /// PPP behind a byte that states the direction.
    pub const PPP_WITH_DIRECTION: Self = Self(204);
    /// Cisco HDLC, RFC 1547 section 4.3.1.
    pub const CISCO_HDLC: Self = Self(104);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// IEEE 802.11 behind a radiotap header.
    pub const RADIOTAP: Self = Self(127);
    /// Netfilter log messages.
    pub const NFLOG: Self = Self(239);
    /// Raw IPv4 or IPv6, told apart by the version nibble.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);

    /// The link type of a DLT value as libpcap or an old capture file gives it: several systems
    /// numbered raw IP differently (12, 14).
    #[must_use]
    pub fn from_dlt(dlt: u16) -> Self {
        match dlt {
            12 | 14 => Self::RAW,
            other => Self(other),
        }
    }
}
