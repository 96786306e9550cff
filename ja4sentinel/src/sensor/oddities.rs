//! Signs of evasion, or of trouble on the way.

/// A sign in how a hello arrived; most clients show none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Oddity {
    /// More TLS records than the hello's length asks for.
    SplitRecords = 1 << 0,
    /// A segment of fewer than [`TINY_SEGMENT`] bytes, although more of the hello follows.
    TinySegments = 1 << 1,
    /// A segment came before one that precedes it in the stream.
    OutOfOrder = 1 << 2,
    /// A segment repeated some known bytes and brought new ones.
    Overlap = 1 << 3,
    /// A segment had other values for known bytes; those that came first count.
    OverlapConflict = 1 << 4,
    /// A segment brought known bytes only.
    Retransmitted = 1 << 5,
    /// A segment came in IP fragments.
    Fragmented = 1 << 6,
    /// Bytes of the hello travelled with the SYN (RFC 7413).
    FastOpen = 1 << 7,
    /// A PROXY header that breaks its protocol.
    ProxyHeaderBad = 1 << 8,
    /// The hello came behind the talk of another protocol, which asked for TLS.
    Starttls = 1 << 9,
    /// The hello came behind something unknown, at the start of a later segment.
    LateHello = 1 << 10,
    /// Empty TLS records, which RFC 8446 section 5.1 forbids and OpenSSL accepts.
    EmptyRecords = 1 << 11,
    /// A segment was sent as urgent: servers take the urgent byte out of the stream, and here it is
    /// read with the others.
    Urgent = 1 << 12,
}

/// Segments below this length, in bytes, are tiny: no path cuts a stream that short by itself. The
/// smallest MSS that stacks fall back to is 536 (RFC 9293 section 3.7.1), less 40 of options.
pub(super) const TINY_SEGMENT: usize = 256;

impl Oddity {
    /// In the order in which records list them, which is that of their bits.
    const ALL: [Self; 13] = [
        Self::SplitRecords,
        Self::TinySegments,
        Self::OutOfOrder,
        Self::Overlap,
        Self::OverlapConflict,
        Self::Retransmitted,
        Self::Fragmented,
        Self::FastOpen,
        Self::ProxyHeaderBad,
        Self::Starttls,
        Self::LateHello,
        Self::EmptyRecords,
        Self::Urgent,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::SplitRecords => "split_records",
            Self::TinySegments => "tiny_segments",
            Self::OutOfOrder => "out_of_order",
            Self::Overlap => "overlap",
            Self::OverlapConflict => "overlap_conflict",
            Self::Retransmitted => "retransmitted",
            Self::Fragmented => "fragmented",
            Self::FastOpen => "fast_open",
            Self::ProxyHeaderBad => "proxy_header_bad",
            Self::Starttls => "starttls",
            Self::LateHello => "late_hello",
            Self::EmptyRecords => "empty_records",
            Self::Urgent => "urgent",
        }
    }
}

/// A set of oddities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Oddities(u16);

impl Oddities {
    /// Adds `oddity` when `seen` is true.
    pub(super) fn note(&mut self, oddity: Oddity, seen: bool) {
        if seen {
            self.0 |= oddity as u16;
        }
    }

    /// Adds all of `other`.
    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Those that stand for what precedes a hello, and so for the hello too.
    pub(super) fn lasting(self) -> Self {
        let lasting = [Oddity::ProxyHeaderBad, Oddity::Starttls, Oddity::LateHello];
        Self(self.0 & lasting.iter().fold(0, |bits, oddity| bits | *oddity as u16))
    }

    /// The names, in their fixed order.
    pub(super) fn labels(self) -> impl Iterator<Item = &'static str> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            // Of none there is no bit left, whose place lies behind the last.
            let oddity = Oddity::ALL.get(rest.trailing_zeros() as usize)?;
            rest &= !(*oddity as u16);
            Some(oddity.label())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_listed_under_its_bit() {
        let all = Oddity::ALL.map(|oddity| Oddities(oddity as u16));
        for (place, (oddities, oddity)) in all.into_iter().zip(Oddity::ALL).enumerate() {
            assert_eq!(oddities.0, 1 << place);
            assert!(oddities.labels().eq([oddity.label()]));
        }
        let mut every = Oddities::default();
        all.into_iter().for_each(|oddities| every.join(oddities));
        assert!(every.labels().eq(Oddity::ALL.map(Oddity::label)));
        assert_eq!(Oddities::default().labels().count(), 0);
    }
}
