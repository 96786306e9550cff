//! Why a selected connection ended without a fingerprint.

use crate::hello::preamble::proxy::Fault;
use crate::hello::{Malformed, NotTls};

/// The one reason for which a connection has no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The client sent no payload before the time-out.
    NoPayload,
    /// The client closed or reset before it sent a byte.
    ClosedBeforeHello,
    /// The client closed or reset in the middle of its hello.
    ClosedInHello,
    /// The hello stopped in the middle until the time-out.
    HelloUnfinished,
    /// A plain-text preamble, and no hello behind it before the time-out.
    PreambleOnly,
    /// Bytes in the middle never came.
    GapNeverFilled,
    /// Bytes in the middle were on the wire, but the capture had cut them off.
    TruncatedCapture,
    /// The bytes are not TLS.
    NotTls(NotTls),
    /// The hello breaks its own structure.
    Malformed(Malformed),
    /// The hello, or what stands before it, is longer than is looked at.
    ByteLimit,
    /// Too many pieces lay apart.
    SegmentLimit,
    /// The memory for reassembly was spent.
    MemoryLimit,
    /// The table was full of connections that were receiving their hellos.
    TableFull,
    /// It had to leave for a newer connection.
    Evicted,
    /// A new connection took over its addresses and ports.
    Superseded,
    /// The input ended first.
    EndOfInput,
    /// A PROXY header is required here, and there was none.
    ProxyHeaderMissing,
    /// A PROXY header breaks its protocol, and no hello was found behind it.
    ProxyHeaderBad(Fault),
}

impl Reason {
    /// The reasons that have no further cause.
    const PLAIN: [Self; 15] = [
        Self::NoPayload,
        Self::ClosedBeforeHello,
        Self::ClosedInHello,
        Self::HelloUnfinished,
        Self::PreambleOnly,
        Self::GapNeverFilled,
        Self::TruncatedCapture,
        Self::ByteLimit,
        Self::SegmentLimit,
        Self::MemoryLimit,
        Self::TableFull,
        Self::Evicted,
        Self::Superseded,
        Self::EndOfInput,
        Self::ProxyHeaderMissing,
    ];

    /// Every reason, in the order in which it is printed.
    pub fn all() -> impl Iterator<Item = Self> {
        let not_tls = NotTls::ALL.into_iter().map(Self::NotTls);
        let malformed = Malformed::ALL.into_iter().map(Self::Malformed);
        let proxy = Fault::ALL.into_iter().map(Self::ProxyHeaderBad);
        Self::PLAIN.into_iter().chain(not_tls).chain(malformed).chain(proxy)
    }

    /// The reason's name in counters and records.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::NoPayload => "no_payload",
            Self::ClosedBeforeHello => "closed_before_hello",
            Self::ClosedInHello => "closed_in_hello",
            Self::HelloUnfinished => "hello_unfinished",
            Self::PreambleOnly => "preamble_only",
            Self::GapNeverFilled => "gap_never_filled",
            Self::TruncatedCapture => "truncated_capture",
            Self::NotTls(cause) => cause.label(),
            Self::Malformed(cause) => cause.label(),
            Self::ProxyHeaderBad(fault) => fault.label(),
            Self::ByteLimit => "byte_limit",
            Self::SegmentLimit => "segment_limit",
            Self::MemoryLimit => "memory_limit",
            Self::TableFull => "table_full",
            Self::Evicted => "evicted",
            Self::Superseded => "superseded",
            Self::EndOfInput => "end_of_input",
            Self::ProxyHeaderMissing => "proxy_header_missing",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let labels: HashSet<_> = Reason::all().map(Reason::label).collect();
        assert_eq!(labels.len(), Reason::all().count());
    }
}
