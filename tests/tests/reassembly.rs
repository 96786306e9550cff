//! One hello, however it is cut, wrapped, repeated and reordered on its way: the same record, and a
//! balanced ledger. `JA4SENTINEL_CASES` sets the number of cases.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]
use std::net::SocketAddr;

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{Reading, read};
use ja4sentinel::record::{MetaSource, Record};
use ja4sentinel::sensor::{Outcome, Sensor, Settings};
use ja4sentinel::wire::{Frame, LinkType};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet, SERVICE_TAG, flags};
use ja4sentinel_tests::hellos::Hello;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Cases of a run without the variable: a few seconds. CI asks for more.
const CASES: u32 = 2000;

fn config() -> ProptestConfig {
    let cases = std::env::var("JA4SENTINEL_CASES").ok();
    let cases = cases.map_or(CASES, |cases| cases.parse().expect("JA4SENTINEL_CASES is a number"));
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// How the connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// With a SYN.
    Syn,
    /// With a SYN that carries the first piece (RFC 7413).
    FastOpen,
    /// The capture begins behind the SYN, with the first piece of the hello.
    Unseen,
}

/// In which order the pieces arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Sent,
    Reversed,
    Shuffled,
}

/// A piece that arrives once more than it needs to.
#[derive(Debug, Clone)]
enum Extra {
    /// A copy of a piece.
    Copy(Index),
    /// A segment of other bounds, as a retransmission may have.
    Recut(Index, Index),
    /// A copy with other bytes, right behind the piece: the first bytes count.
    Conflict(Index),
    /// A keep-alive probe: one byte before the window.
    KeepAlive,
}

/// The way of one hello.
#[derive(Debug, Clone)]
struct Way {
    ipv6: bool,
    tags: Vec<(u16, u16)>,
    opening: Opening,
    /// Initial sequence number.
    isn: u32,
    /// Length of the handshake message.
    len: usize,
    /// Payload sizes of the TLS records.
    records: Vec<usize>,
    /// Bytes that follow the hello.
    trailing: Vec<u8>,
    /// Where the stream is cut; each byte for itself when `None`.
    cuts: Option<Vec<Index>>,
    order: Order,
    swaps: Vec<(Index, Index)>,
    extras: Vec<(Extra, Index)>,
    /// Where each datagram is cut into fragments, in units of eight bytes.
    fragments: Vec<usize>,
    /// Whether a FIN follows.
    fin: bool,
}

fn extra() -> impl Strategy<Value = Extra> {
    prop_oneof![
        any::<Index>().prop_map(Extra::Copy),
        any::<(Index, Index)>().prop_map(|(from, to)| Extra::Recut(from, to)),
        any::<Index>().prop_map(Extra::Conflict),
        Just(Extra::KeepAlive),
    ]
}

prop_compose! {
    fn way()(
        (ipv6, fin) in any::<(bool, bool)>(),
        tags in select(vec![
            vec![],
            vec![(CUSTOMER_TAG, 7)],
            vec![(CUSTOMER_TAG, 0)],
            vec![(SERVICE_TAG, 9), (CUSTOMER_TAG, 7)],
            vec![(CUSTOMER_TAG, 9), (CUSTOMER_TAG, 7)],
        ]),
        opening in select(vec![Opening::Syn, Opening::Syn, Opening::FastOpen, Opening::Unseen]),
        isn in prop_oneof![any::<u32>(), (u32::MAX - 2000)..=u32::MAX],
        len in prop_oneof![20 => 250usize..600, 10 => 600usize..4000, 1 => 4000usize..20_000],
        records in prop_oneof![
            3 => Just(vec![]),
            3 => prop::collection::vec(1usize..500, 1..5),
            1 => Just(vec![1]),
        ],
        trailing in prop_oneof![
            Just(vec![]),
            Just(vec![20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 4, 1, 2, 3, 4]),
        ],
        cuts in prop_oneof![
            20 => prop::collection::vec(any::<Index>(), 0..6).prop_map(Some),
            4 => prop::collection::vec(any::<Index>(), 6..60).prop_map(Some),
            1 => Just(None),
        ],
        order in select(vec![Order::Sent, Order::Reversed, Order::Shuffled, Order::Shuffled]),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 0..20),
        extras in prop::collection::vec((extra(), any::<Index>()), 0..4),
        fragments in prop_oneof![
            3 => Just(vec![]),
            1 => prop::collection::vec(1usize..40, 1..4),
        ],
    ) -> Way {
        Way {
            ipv6, tags, opening, isn, len, records, trailing, cuts, order, swaps, extras, fragments, fin,
        }
    }
}
