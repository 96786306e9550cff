//! Why a frame gave no packet.

/// Why a frame gave no packet: one variant a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireError {
    /// The link-layer type is none that we read.
    UnsupportedLink,
    /// A header is of a form that we do not read: an 802.11 aggregate, GRE with source routing.
    UnsupportedForm,
    /// The link layer carries something else than IP: ARP, LLDP, a control protocol.
    NotIp,
    /// The datagram carries something else than TCP, and no tunnel that we read.
    NotTcp,
    /// The link layer's payload is encrypted.
    Encrypted,
    /// There is a tunnel, and as many as were asked for are unwrapped already.
    TunnelTooDeep,
    /// The capture's snap length ended the frame inside a header.
    CutInHeader,
    /// The frame ends inside its link-layer header.
    LinkRunt,
    /// More VLAN tags than [`MAX_TAGS`](super::MAX_TAGS).
    TooManyTags,
    /// More MPLS labels than [`MAX_LABELS`](super::MAX_LABELS).
    TooManyLabels,
    /// The IP version is not the one that the layer below announced, or neither 4 nor 6.
    IpVersion,
    /// The datagram ends inside its IP header.
    IpRunt,
    /// The IPv4 header length is below 20 bytes or beyond the datagram.
    Ipv4HeaderLength,
    /// The IPv4 total length is below the header length.
    Ipv4TotalLength,
    /// The IPv4 header's checksum is wrong, and nobody has looked at it yet.
    Ipv4Checksum,
    /// The IP header states more bytes than the frame had, and nobody has looked at it yet.
    IpBeyondFrame,
    /// An IPv6 extension header, or an authentication header, goes beyond the datagram.
    ExtensionLength,
    /// More IPv6 extension headers than [`MAX_EXTENSIONS`](super::MAX_EXTENSIONS).
    TooManyExtensions,
    /// A tunnel's header goes beyond the datagram.
    TunnelHeader,
    /// The datagram ends inside the fixed part of the TCP header.
    TcpRunt,
    /// The TCP data offset is below 20 bytes or beyond the datagram.
    TcpHeaderLength,
    /// The TCP checksum is wrong, and nobody has looked at it yet.
    TcpChecksum,
}

impl WireError {
    /// Every cause.
    pub const ALL: [Self; 22] = [
        Self::UnsupportedLink,
        Self::UnsupportedForm,
        Self::NotIp,
        Self::NotTcp,
        Self::Encrypted,
        Self::TunnelTooDeep,
        Self::CutInHeader,
        Self::LinkRunt,
        Self::TooManyTags,
        Self::TooManyLabels,
        Self::IpVersion,
        Self::IpRunt,
        Self::Ipv4HeaderLength,
        Self::Ipv4TotalLength,
        Self::Ipv4Checksum,
        Self::IpBeyondFrame,
        Self::ExtensionLength,
        Self::TooManyExtensions,
        Self::TunnelHeader,
        Self::TcpRunt,
        Self::TcpHeaderLength,
        Self::TcpChecksum,
    ];

    /// The cause's name in counters and messages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::UnsupportedLink => "unsupported_link",
            Self::UnsupportedForm => "unsupported_form",
            Self::NotIp => "not_ip",
            Self::NotTcp => "not_tcp",
            Self::Encrypted => "encrypted",
            Self::TunnelTooDeep => "tunnel_too_deep",
            Self::CutInHeader => "cut_in_header",
            Self::LinkRunt => "link_runt",
            Self::TooManyTags => "too_many_tags",
            Self::TooManyLabels => "too_many_labels",
            Self::IpVersion => "ip_version",
            Self::IpRunt => "ip_runt",
            Self::Ipv4HeaderLength => "ipv4_header_length",
            Self::Ipv4TotalLength => "ipv4_total_length",
            Self::Ipv4Checksum => "ipv4_checksum",
            Self::IpBeyondFrame => "ip_beyond_frame",
            Self::ExtensionLength => "extension_length",
            Self::TooManyExtensions => "too_many_extensions",
            Self::TunnelHeader => "tunnel_header",
            Self::TcpRunt => "tcp_runt",
            Self::TcpHeaderLength => "tcp_header_length",
            Self::TcpChecksum => "tcp_checksum",
        }
    }

    /// Whether the frame was none of ours to begin with: well-formed as far as it was read, and
    /// without a TCP segment that we were asked to find, or that anyone could read; or damaged, so
    /// that its receiver throws it away unread. Every other cause is a frame that was broken, or that
    /// the capture, one of our limits or a form that we do not know made unreadable.
    #[must_use]
    pub fn is_foreign(self) -> bool {
        matches!(
            self,
            Self::NotIp
                | Self::NotTcp
                | Self::Encrypted
                | Self::TunnelTooDeep
                | Self::Ipv4Checksum
                | Self::IpBeyondFrame
                | Self::TcpChecksum
        )
    }
}
