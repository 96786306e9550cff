//! The PROXY protocol header that a load balancer puts in front of a connection: version 1 in
//! text, version 2 in binary ("The PROXY protocol", HAProxy, sections 2.1 and 2.2).

mod v1;
mod v2;

use crate::wire::Endpoint;

pub use v1::MAX_LINE;
pub use v2::MAX_HEADER;

/// What the bytes so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// A header may be there, but is not complete.
    NeedMore,
    /// The stream does not begin with a header.
    None,
    /// It begins with a header that breaks the protocol.
    Malformed(Fault),
    /// A header.
    Found(Header),
}

/// A header that keeps the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The real client and the address that it called. `None` when the header names none: the
    /// proxy's own health checks (LOCAL), unknown families, UNIX sockets.
    pub addresses: Option<Addresses>,
    /// Length of the header in bytes: the client's own bytes begin there.
    pub len: usize,
}

/// The ends of the connection in front of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The real client.
    pub source: Endpoint,
    /// What it connected to.
    pub destination: Endpoint,
}

/// How a header breaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Version 1: no line end within [`MAX_LINE`] bytes.
    LineTooLong,
    /// Version 1: another protocol than TCP4, TCP6 and UNKNOWN.
    UnknownFamily,
    /// Version 1: an address or port that is none, or not of the family, or too few or too many
    /// words.
    BadAddress,
    /// Version 2: another version number behind the signature.
    BadVersion,
    /// Version 2: another command than LOCAL and PROXY.
    UnknownCommand,
    /// Version 2: an address family or transport that is not defined.
    UnknownTransport,
    /// Version 2: too short for its addresses.
    TooShort,
    /// Version 2: longer than [`MAX_HEADER`].
    TooLong,
    /// Version 2: a TLV declares more than the header holds.
    BrokenTlv,
    /// Version 2: the CRC32c in the header is not that of the header.
    BadChecksum,
}

impl Fault {
    /// Every cause.
    pub const ALL: [Self; 10] = [
        Self::LineTooLong,
        Self::UnknownFamily,
        Self::BadAddress,
        Self::BadVersion,
        Self::UnknownCommand,
        Self::UnknownTransport,
        Self::TooShort,
        Self::TooLong,
        Self::BrokenTlv,
        Self::BadChecksum,
    ];

    /// Name of the fault in counters and records.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::LineTooLong => "proxy_line_too_long",
            Self::UnknownFamily => "proxy_unknown_family",
            Self::BadAddress => "proxy_bad_address",
            Self::BadVersion => "proxy_bad_version",
            Self::UnknownCommand => "proxy_unknown_command",
            Self::UnknownTransport => "proxy_unknown_transport",
            Self::TooShort => "proxy_too_short",
            Self::TooLong => "proxy_too_long",
            Self::BrokenTlv => "proxy_broken_tlv",
            Self::BadChecksum => "proxy_bad_checksum",
        }
    }
}

/// Reads the header at the start of `stream`.
#[must_use]
pub fn read(stream: &[u8]) -> Proxy {
    let read = if stream.starts_with(v1::START) {
        v1::read(stream)
    } else if stream.starts_with(v2::SIGNATURE) {
        v2::read(stream)
    } else if v1::START.starts_with(stream) || v2::SIGNATURE.starts_with(stream) {
        return Proxy::NeedMore;
    } else {
        return Proxy::None;
    };
    match read {
        Ok(Some(header)) => Proxy::Found(header),
        Ok(None) => Proxy::NeedMore,
        Err(fault) => Proxy::Malformed(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_of_a_header_needs_more() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
        let binary =
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb";
        for header in [&line[..], &binary[..]] {
            for len in 0..header.len() {
                assert_eq!(read(&header[..len]), Proxy::NeedMore, "{len}");
            }
            assert!(matches!(read(header), Proxy::Found(found) if found.len == header.len()));
        }
    }

    #[test]
    fn what_cannot_become_a_header_is_none_at_once() {
        for stream in [&b"\x16"[..], b"PROXZ", b"PROXY\t", b"\r\n\r\n\0\r\nQUIT\r", b"GET / "] {
            assert_eq!(read(stream), Proxy::None);
        }
    }
}
