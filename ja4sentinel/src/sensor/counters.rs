//! What the sensor counts while it works, and the ledger made of it.

use super::ledger::{Ledger, Named, Stage};
use super::reason::Reason;
use crate::flow::{Defragmenter, FragmentLoss};
use crate::wire::WireError;

/// Why a well-formed segment was not given to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// Its destination port is not watched.
    OtherPort,
    /// Its client is of a network that is not watched.
    OtherClient,
    /// Its flags contradict each other, so that the server ignores it: a SYN with FIN, or neither
    /// SYN nor RST nor ACK (RFC 9293 section 3.10.7).
    BadFlags,
    /// The answer to a SYN: it comes from a server.
    SynAck,
    /// It carries nothing and ends nothing: a pure acknowledgement.
    NoPayload,
    /// It belongs to no connection that is followed, and does not begin like a hello.
    NotSelected,
    /// Nothing more is wanted of its connection.
    Settled,
    /// Its sequence number lies far outside of what its connection may send.
    OutOfWindow,
    /// It is signed (RFC 2385, RFC 5925) and the SYN was not, or the other way round: no server takes
    /// both.
    Signature,
}

impl LeftOut {
    const ALL: [Self; 9] = [
        Self::OtherPort,
        Self::OtherClient,
        Self::BadFlags,
        Self::SynAck,
        Self::NoPayload,
        Self::NotSelected,
        Self::Settled,
        Self::OutOfWindow,
        Self::Signature,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::OtherPort => "other_port",
            Self::OtherClient => "other_client",
            Self::BadFlags => "bad_flags",
            Self::SynAck => "syn_ack",
            Self::NoPayload => "no_payload",
            Self::NotSelected => "not_selected",
            Self::Settled => "settled",
            Self::OutOfWindow => "out_of_window",
            Self::Signature => "signature",
        }
    }
}

/// The counters of the established metrics, under their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Established {
    /// Frames that the sensor took.
    pub packets_received: u64,
    /// Frames whose segment was given to a watched connection.
    pub packets_sent: u64,
    /// Frames that could not be read although they may have held a watched segment.
    pub packets_dropped: u64,
    /// Segments of unfinished hellos that brought known bytes only, and repeated SYNs.
    pub retransmit_count: u64,
    /// Segments of unfinished hellos that lay behind a hole.
    pub gap_detected_count: u64,
    /// Segments of which bytes were left out, because the hello or all of them together took too
    /// much memory.
    pub buffer_exceeded_count: u64,
    /// Segments that were left out because too many pieces of the hello lay apart.
    pub segment_exceeded_count: u64,
}

/// Counts of a closed set of causes; only those that occurred take room.
#[derive(Debug)]
struct Tally<K>(Vec<(K, u64)>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> Tally<K> {
    fn add(&mut self, cause: K, count: u64) {
        match self.0.iter_mut().find(|(seen, _)| *seen == cause) {
            Some((_, sum)) => *sum += count,
            None => self.0.push((cause, count)),
        }
    }

    fn get(&self, cause: K) -> u64 {
        self.0.iter().find(|(seen, _)| *seen == cause).map_or(0, |(_, count)| *count)
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Under their names, in the order of `causes`, zeros included.
    fn named(&self, causes: impl Iterator<Item = K>, label: impl Fn(K) -> &'static str) -> Named {
        causes.map(|cause| (label(cause), self.get(cause))).collect()
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) frames: u64,
    pub(super) segments: u64,
    /// Frames that hold a piece of a datagram, and did not complete it.
    fragments: u64,
    fragments_dropped: Tally<FragmentLoss>,
    datagrams: u64,
    left_out: Tally<LeftOut>,
    unreadable: Tally<WireError>,
    selected: u64,
    fingerprinted: u64,
    unfinished: u64,
    reasons: Tally<Reason>,
    further: u64,
    further_lost: Tally<Reason>,
    incomplete: u64,
    handed_out: u64,
    pub(super) retransmissions: u64,
    pub(super) gaps: u64,
    pub(super) buffer_exceeded: u64,
    pub(super) segment_exceeded: u64,
}

impl Counters {
    pub(super) fn leave_out(&mut self, cause: LeftOut) {
        self.left_out.add(cause, 1);
    }

    pub(super) fn leave_unread(&mut self, cause: WireError) {
        self.unreadable.add(cause, 1);
    }

    /// A fragment waits for others of its datagram.
    pub(super) fn hold_fragment(&mut self) {
        self.fragments += 1;
    }

    pub(super) fn drop_fragment(&mut self, cause: FragmentLoss) {
        self.fragments_dropped.add(cause, 1);
    }

    pub(super) fn complete_datagram(&mut self) {
        self.datagrams += 1;
    }

    /// A connection is followed from now on.
    pub(super) fn select(&mut self) {
        self.selected += 1;
        self.unfinished += 1;
    }

    /// A connection that was selected ends for this reason.
    pub(super) fn lose(&mut self, reason: Reason) {
        self.unfinished -= 1;
        self.reasons.add(reason, 1);
    }

    /// A hello was fingerprinted: the first of its connection, or a further one.
    pub(super) fn fingerprint(&mut self, first: bool) {
        if first {
            self.unfinished -= 1;
            self.fingerprinted += 1;
        } else {
            self.further += 1;
        }
        self.handed_out += 1;
    }

    /// A further hello of a fingerprinted connection was begun and is lost.
    pub(super) fn lose_further(&mut self, reason: Reason) {
        self.further_lost.add(reason, 1);
    }

    /// A record of kind `incomplete` was handed out.
    pub(super) fn report(&mut self) {
        self.incomplete += 1;
        self.handed_out += 1;
    }

    pub(super) fn established(&self) -> Established {
        Established {
            packets_received: self.frames,
            packets_sent: self.segments,
            packets_dropped: self.frames_lost().iter().map(|(_, count)| count).sum(),
            retransmit_count: self.retransmissions,
            gap_detected_count: self.gaps,
            buffer_exceeded_count: self.buffer_exceeded,
            segment_exceeded_count: self.segment_exceeded,
        }
    }

    /// The sensor's stages; names that have not occurred are there with a zero.
    pub(super) fn ledger(&self, fragments: &Defragmenter) -> Ledger {
        let frames = Stage {
            name: "frames".to_owned(),
            taken: self.frames,
            passed: self.segments + self.fragments,
            left_out: self.frames_left_out(),
            lost: self.frames_lost(),
            in_flight: 0,
        };
        let connections = Stage {
            name: "connections".to_owned(),
            taken: self.selected,
            passed: self.fingerprinted,
            lost: self.reasons.named(Reason::all(), Reason::label),
            in_flight: self.unfinished,
            ..Stage::default()
        };
        let further = Stage {
            name: "further_hellos".to_owned(),
            taken: self.further + self.further_lost.sum(),
            passed: self.further,
            lost: self.further_lost.named(Reason::all(), Reason::label),
            ..Stage::default()
        };
        let records = Stage {
            name: "records".to_owned(),
            taken: self.fingerprinted + self.further + self.incomplete,
            passed: self.handed_out,
            ..Stage::default()
        };
        Ledger { stages: vec![frames, self.datagrams(fragments), connections, further, records] }
    }

    /// Datagrams that came in fragments. A frame that ends one is counted with the frames too.
    fn datagrams(&self, fragments: &Defragmenter) -> Stage {
        let ends = FragmentLoss::ALL.into_iter().filter(|cause| cause.ends_datagram());
        let mut lost = self.fragments_dropped.named(ends, FragmentLoss::label);
        lost.push(("timed_out", fragments.timed_out()));
        lost.push(("evicted", fragments.evicted()));
        let in_flight = u64::try_from(fragments.len()).unwrap_or(u64::MAX);
        Stage {
            name: "datagrams".to_owned(),
            taken: fragments.began(),
            passed: self.datagrams,
            lost,
            in_flight,
            ..Stage::default()
        }
    }

    fn frames_left_out(&self) -> Named {
        let foreign = WireError::ALL.into_iter().filter(|cause| cause.is_foreign());
        let mut named = self.unreadable.named(foreign, WireError::label);
        named.extend(self.left_out.named(LeftOut::ALL.into_iter(), LeftOut::label));
        named
    }

    fn frames_lost(&self) -> Named {
        let broken = WireError::ALL.into_iter().filter(|cause| !cause.is_foreign());
        let mut named = self.unreadable.named(broken, WireError::label);
        let dropped = FragmentLoss::ALL.into_iter();
        named.extend(self.fragments_dropped.named(dropped, FragmentLoss::label));
        named
    }
}
