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
    // Half of them over either IP version, at the same time.
    let cases = cases.div_ceil(2);
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

/// What else travels on the way; none of it changes what the server reads.
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
    /// A reset that the server ignores: its sequence number is not the next one.
    StrayReset,
    /// A SYN in the middle of the connection, which the server ignores.
    StraySyn,
    /// Payload far outside of the window.
    StrayHello,
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
    fragments_reversed: bool,
    /// Whether a FIN follows.
    fin: bool,
}

fn extra() -> impl Strategy<Value = Extra> {
    prop_oneof![
        any::<Index>().prop_map(Extra::Copy),
        any::<(Index, Index)>().prop_map(|(from, to)| Extra::Recut(from, to)),
        any::<Index>().prop_map(Extra::Conflict),
        Just(Extra::KeepAlive),
        Just(Extra::StrayReset),
        Just(Extra::StraySyn),
        Just(Extra::StrayHello),
    ]
}

prop_compose! {
    fn way(ipv6: bool)(
        (fin, fragments_reversed) in any::<(bool, bool)>(),
        tags in select(vec![
            vec![],
            vec![(CUSTOMER_TAG, 7)],
            vec![(CUSTOMER_TAG, 0)],
            vec![(SERVICE_TAG, 9), (CUSTOMER_TAG, 7)],
            vec![(CUSTOMER_TAG, 9), (CUSTOMER_TAG, 7)],
        ]),
        opening in select(vec![Opening::Syn, Opening::Syn, Opening::FastOpen, Opening::Unseen]),
        isn in prop_oneof![any::<u32>(), (u32::MAX - 2000)..=u32::MAX],
        len in prop_oneof![80 => 250usize..600, 18 => 600usize..4000, 2 => 4000usize..20_000],
        records in prop_oneof![
            3 => Just(vec![]),
            3 => prop::collection::vec(1usize..500, 1..5),
            1 => Just(vec![1]),
        ],
        trailing in select(vec![vec![], CCS_AND_EARLY_DATA.to_vec()]),
        cuts in prop_oneof![
            90 => prop::collection::vec(any::<Index>(), 0..6).prop_map(Some),
            9 => prop::collection::vec(any::<Index>(), 6..60).prop_map(Some),
            1 => Just(None),
        ],
        order in select(vec![Order::Sent, Order::Reversed, Order::Shuffled, Order::Shuffled]),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 0..12),
        extras in prop::collection::vec((extra(), any::<Index>()), 0..3),
        fragments in prop_oneof![
            4 => Just(vec![]),
            1 => prop::collection::vec(1usize..40, 1..4),
        ],
    ) -> Way {
        // One byte a segment with one byte a record is six segments a byte: short hellos do.
        let len = if cuts.is_none() || records == [1] { len.min(400) } else { len };
        Way {
            ipv6, tags, opening, isn, len, records, trailing, cuts, order, swaps, extras, fragments,
            fragments_reversed, fin,
        }
    }
}

/// A change_cipher_spec and an application_data record, as they follow a hello with early data.
const CCS_AND_EARLY_DATA: [u8; 15] = [20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 4, 1, 2, 3, 4];

/// Distance of stray sequence numbers from those of the connection: outside of any window.
const STRAY: u32 = 1 << 30;

impl Way {
    fn ends(&self) -> (SocketAddr, SocketAddr) {
        let (client, server) = if self.ipv6 {
            ("[2001:db8::1]:50000", "[2001:db8::2]:443")
        } else {
            ("192.0.2.1:50000", "192.0.2.2:443")
        };
        (client.parse().expect("an address"), server.parse().expect("an address"))
    }

    fn hello(&self) -> Hello {
        Hello::browser().padded_to(self.len)
    }

    fn stream(&self) -> Vec<u8> {
        [self.hello().records(&self.records), self.trailing.clone()].concat()
    }

    /// Bounds of the pieces, in the order in which they arrive. The FIN is an empty one at the end.
    fn pieces(&self, stream: &[u8]) -> Vec<(usize, usize)> {
        let mut ends: Vec<usize> = match &self.cuts {
            Some(cuts) => cuts.iter().map(|cut| cut.index(stream.len())).collect(),
            None => (1..stream.len()).collect(),
        };
        ends.extend([0, stream.len()]);
        ends.sort_unstable();
        ends.dedup();
        let mut pieces: Vec<_> = ends.windows(2).map(|pair| (pair[0], pair[1])).collect();
        // Longer ones than a datagram holds cannot be.
        pieces = pieces.into_iter().flat_map(|(from, to)| chunks(from, to, 8192)).collect();
        // What is known to come first stays there.
        let mut rest = if self.opening == Opening::Syn { pieces } else { pieces.split_off(1) };
        let first = (self.opening != Opening::Syn).then_some((0, ends[1].min(8192)));
        if self.fin {
            rest.push((stream.len(), stream.len()));
        }
        match self.order {
            Order::Sent => {}
            Order::Reversed => rest.reverse(),
            Order::Shuffled => {
                let len = rest.len();
                for (a, b) in self.swaps.iter().filter(|_| len > 0) {
                    rest.swap(a.index(len), b.index(len));
                }
            }
        }
        first.into_iter().chain(rest).collect()
    }

    /// The packets in the order in which they arrive.
    fn packets(&self) -> Vec<Packet> {
        let (client, server) = self.ends();
        let stream = self.stream();
        let base = self.isn.wrapping_add(1);
        let at = |offset: usize| base.wrapping_add(u32::try_from(offset).expect("short streams"));
        let data =
            |from: usize, to: usize| Packet::data(client, server, at(from), &stream[from..to]);
        let pieces = self.pieces(&stream);
        let mut packets: Vec<Packet> = pieces
            .iter()
            .map(|(from, to)| match data(*from, *to) {
                fin if from == to => fin.flags(flags::FIN | flags::ACK),
                data => data,
            })
            .collect();
        if self.opening == Opening::FastOpen {
            let payload = packets[0].payload.clone();
            packets[0] = Packet { payload, ..Packet::syn(client, server, self.isn) };
        }
        for (extra, place) in &self.extras {
            let extra = match extra {
                Extra::Copy(which) => packets[which.index(packets.len())].clone(),
                Extra::Recut(from, to) => {
                    let (from, to) = (from.index(stream.len()), to.index(stream.len()));
                    let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 8192));
                    data(from, to + 1)
                }
                Extra::KeepAlive => Packet::data(client, server, self.isn, [0]),
                Extra::StrayReset => {
                    let stray = Packet::data(client, server, base.wrapping_add(STRAY), []);
                    stray.flags(flags::RST)
                }
                // Between the ends of a settled or closed connection a new one may begin.
                Extra::StraySyn | Extra::StrayHello if self.fin || !self.trailing.is_empty() => {
                    continue;
                }
                Extra::StraySyn => Packet::syn(client, server, self.isn.wrapping_add(STRAY)),
                Extra::StrayHello => {
                    let stray = Hello::new(&[0x1301]).record();
                    Packet::data(client, server, base.wrapping_sub(STRAY), stray)
                }
                Extra::Conflict(_) => continue,
            };
            packets.insert(1 + place.index(packets.len()), extra);
        }
        // What came with a SYN may have been refused, so that other bytes may follow it.
        let refusable = if self.opening == Opening::FastOpen { pieces[0].1 } else { 0 };
        for (extra, _) in &self.extras {
            let Extra::Conflict(which) = extra else { continue };
            let which = which.index(packets.len());
            let mut copy = packets[which].clone();
            let offset = copy.sequence.wrapping_sub(base) as usize;
            let is_true = stream.get(offset..).is_some_and(|rest| rest.starts_with(&copy.payload));
            if is_true && offset >= refusable {
                copy.payload.iter_mut().for_each(|byte| *byte ^= 0xff);
                packets.insert(which + 1, copy);
            }
        }
        if self.opening == Opening::Syn {
            packets.insert(0, Packet::syn(client, server, self.isn));
        }
        packets
    }

    /// The frames in the order in which they arrive.
    fn frames(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for (id, packet) in (1..).zip(self.packets()) {
            let packet =
                Packet { id, df: self.fragments.is_empty(), tags: self.tags.clone(), ..packet };
            let len = packet.segment().len();
            let mut cuts: Vec<usize> = Vec::new();
            for units in &self.fragments {
                cuts.push(cuts.last().unwrap_or(&0) + units * 8);
            }
            cuts.retain(|cut| *cut < len);
            if cuts.is_empty() {
                frames.push(packet.frame());
            } else {
                let mut fragments = packet.fragments(&cuts);
                if self.fragments_reversed {
                    fragments.reverse();
                }
                frames.extend(fragments);
            }
        }
        frames
    }
}

fn chunks(from: usize, to: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    (from..to).step_by(most).map(move |start| (start, (start + most).min(to)))
}

/// What a sensor makes of frames that come a millisecond apart.
fn run(frames: &[Vec<u8>], settings: Settings) -> (Vec<Record>, Sensor) {
    let mut sensor = Sensor::new(settings, "file");
    let mut records = Vec::new();
    let mut take = |outcome: Outcome<'_>| {
        if let Outcome::Record(record) = outcome {
            records.push(record.clone());
        }
    };
    for (bytes, timestamp_ns) in frames.iter().zip((1_700_000_000_000_000_000..).step_by(1_000_000))
    {
        let frame = Frame {
            timestamp_ns,
            interface: 0,
            link: LinkType::ETHERNET,
            vlan: None,
            bytes,
            original_len: u32::try_from(bytes.len()).expect("a frame"),
            skipped_payload: 0,
            unverified: false,
        };
        sensor.frame(&frame, &mut take);
    }
    sensor.finish(&mut take);
    (records, sensor)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_way_over_ipv4_gives_the_same_record_and_a_balanced_ledger(way in way(false)) {
        check(&way)?;
    }

    #[test]
    fn any_way_over_ipv6_gives_the_same_record_and_a_balanced_ledger(way in way(true)) {
        check(&way)?;
    }
}

fn check(way: &Way) -> Result<(), TestCaseError> {
    let (records, sensor) = run(&way.frames(), Settings::default());

    let stream = way.stream();
    let mut scratch = Vec::new();
    let Reading::Hello(found) = read(&stream, &mut scratch) else {
        return Err(TestCaseError::fail("no hello was sent"));
    };
    let expected = Fingerprints::of(&found.hello, Transport::Tcp);
    let [record] = &records[..] else {
        return Err(TestCaseError::fail(format!("{} records", records.len())));
    };
    prop_assert_eq!(
        (&record.ja4, &record.ja4_r, &record.ja4_o, &record.ja4_ro, &record.ja3, &record.ja3_hash),
        (
            &expected.ja4,
            &expected.ja4_r,
            &expected.ja4_o,
            &expected.ja4_ro,
            &expected.ja3,
            &expected.ja3_hash,
        )
    );
    prop_assert_eq!(record.hello_bytes as usize, way.hello().message().len());
    prop_assert_eq!(record.tls_records, found.tls_records);
    prop_assert_eq!(record.sni.as_ref().map(|sni| sni.as_str()), Some("www.example.com"));
    prop_assert_eq!(record.alpn.len(), 2);
    prop_assert_eq!(record.hello_index, 1);
    prop_assert_eq!((record.src_ip, record.src_port), (way.ends().0.ip(), 50000));
    prop_assert_eq!((record.dst_ip, record.dst_port), (way.ends().1.ip(), 443));
    // A tag with identifier 0 gives a priority and no VLAN.
    let tags: Vec<u16> = way.tags.iter().map(|(_, id)| *id).filter(|id| *id != 0).collect();
    prop_assert_eq!(&record.vlan, &tags);
    let (source, window, options) = match way.opening {
        Opening::Unseen => (MetaSource::Hello, 502, "TS"),
        _ => (MetaSource::Syn, 64240, "MSS,SACK,TS,WS"),
    };
    prop_assert_eq!(record.meta_source, source);
    prop_assert_eq!(record.tcp_meta_window_size, window);
    prop_assert_eq!(&record.tcp_meta_options, options);

    let ledger = sensor.ledger();
    prop_assert!(ledger.is_balanced(), "{:#?}", ledger);
    let connections = ledger.stage("connections").expect("the stage");
    prop_assert_eq!((connections.passed, connections.in_flight), (1, 0));
    prop_assert_eq!(sensor.reassembly_bytes().0, 0);
    Ok(())
}
