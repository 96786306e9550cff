//! The kinds of hostility, and how many connections each has.

use Case::*;

/// What is unusual about a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// A SYN, and nothing after it.
    HalfOpen,
    /// The hello's second segment comes first.
    OutOfOrder,
    /// Its segments come twice and three times.
    Retransmitted,
    /// Its segments share 300 bytes.
    OverlapEqual,
    /// The same, and the bytes differ.
    OverlapConflicting,
    /// Each byte in a segment of its own.
    SingleBytes,
    /// The same, the last one first.
    SingleBytesReversed,
    /// The hello never ends.
    Unfinished,
    /// No TLS, though some of it begins like it.
    Junk,
    /// One hello in many records.
    RecordFragments,
    /// The SYN was not captured.
    NoSyn,
    /// A length in the hello is a lie.
    FalseLength,
    /// The hello begins on the SYN.
    FastOpen,
    Vlan,
    QinQ,
    Ipv4Options,
    Ipv6HopByHop,
    Ipv4Fragments,
    /// Sequence numbers pass zero in the middle of the hello.
    SequenceWrap,
    /// A second connection of the same addresses and ports.
    TupleReuse,
    /// A second hello behind a change_cipher_spec, as after a HelloRetryRequest.
    Retry,
    /// A hello of more than 14,000 bytes.
    Big,
    Port8443,
    Port31337,
    /// HTTP without TLS.
    PlainHttp,
    /// SMTP's STARTTLS.
    StartTls,
    /// A keep-alive probe with one byte before the hello.
    KeepAlive,
}

/// All cases. Their order is part of what makes a corpus the same everywhere.
pub(super) const CASES: &[(Case, u32)] = &[
    (HalfOpen, 100_000),
    (OutOfOrder, 5_000),
    (Retransmitted, 5_000),
    (OverlapEqual, 2_000),
    (OverlapConflicting, 500),
    (SingleBytes, 500),
    (SingleBytesReversed, 100),
    (Unfinished, 20_000),
    (Junk, 10_000),
    (RecordFragments, 2_000),
    (NoSyn, 2_000),
    (FalseLength, 2_000),
    (FastOpen, 500),
    (Vlan, 1_000),
    (QinQ, 1_000),
    (Ipv4Options, 500),
    (Ipv6HopByHop, 500),
    (Ipv4Fragments, 500),
    (SequenceWrap, 500),
    (TupleReuse, 500),
    (Retry, 1_000),
    (Big, 500),
    (Port8443, 1_000),
    (Port31337, 1_000),
    (PlainHttp, 1_000),
    (StartTls, 500),
    (KeepAlive, 500),
];

impl Case {
    /// What the truth calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            HalfOpen => "halfopen",
            OutOfOrder => "ooo",
            Retransmitted => "retrans",
            OverlapEqual => "overlap_same",
            OverlapConflicting => "overlap_conflict",
            SingleBytes => "onebyte",
            SingleBytesReversed => "onebyte_rev",
            Unfinished => "never",
            Junk => "junk",
            RecordFragments => "record_frag",
            NoSyn => "no_syn",
            FalseLength => "len_lie",
            FastOpen => "tfo",
            Vlan => "vlan",
            QinQ => "qinq",
            Ipv4Options => "v4opt",
            Ipv6HopByHop => "v6hop",
            Ipv4Fragments => "v4frag",
            SequenceWrap => "seqwrap",
            TupleReuse => "tuple_reuse",
            Retry => "hrr",
            Big => "big",
            Port8443 => "port8443",
            Port31337 => "port_odd",
            PlainHttp => "http_on_443",
            StartTls => "late_hello_starttls",
            KeepAlive => "keepalive_then",
        }
    }

    /// How often the hello has to be found, and how often it may be.
    pub(super) fn hellos(self) -> (u32, u32) {
        match self {
            HalfOpen | Unfinished | Junk | PlainHttp => (0, 0),
            OverlapConflicting | SingleBytesReversed | NoSyn | FalseLength | FastOpen
            | StartTls => (0, 1),
            Retry => (1, 2),
            TupleReuse => (2, 2),
            _ => (1, 1),
        }
    }

    /// Whether the truth tells what the hello holds.
    pub(super) fn has_hello(self) -> bool {
        !matches!(self, HalfOpen | Unfinished | Junk | PlainHttp | FalseLength)
    }

    /// Whether it takes a hello of two segments.
    pub(super) fn needs_two_segments(self) -> bool {
        matches!(
            self,
            OutOfOrder | OverlapEqual | OverlapConflicting | SequenceWrap | Retransmitted
        )
    }

    /// The server's port.
    pub(super) fn port(self) -> u16 {
        match self {
            Port8443 => 8443,
            Port31337 => 31337,
            StartTls => 587,
            _ => 443,
        }
    }
}
