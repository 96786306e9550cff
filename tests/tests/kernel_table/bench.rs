//! The loaded classifier, and rows of packets to run through it.

use std::net::SocketAddr;

use ja4sentinel::capture::ebpf::{EbpfSource, OBJECT, Options, PROGRAMS};
use ja4sentinel::capture::{Captured, Live, Source};
use ja4sentinel::sensor::PortSet;
use ja4sentinel::wire::{
    Endpoint, Frame, LinkType, Packet as Decoded, TcpFlags, WireError, decode,
};
use ja4sentinel_common::{Config, Counter, Counters, Kind};
use ja4sentinel_tests::frames::{self, Packet};

/// The one watched port.
pub(crate) const PORT: u16 = 443;
/// `TC_ACT_UNSPEC`, which is `TCX_NEXT` as well: the packet goes on.
const GO_ON: i32 = -1;
/// Payload bytes of one connection that are handed up at most, in this table.
pub(crate) const BUDGET: u32 = 8 * 1024;

/// Tables no larger than the tests need.
pub(crate) fn small() -> Options {
    Options { ring_bytes: 1 << 20, flows: 4096, syns: 4096, ..Options::default() }
}

/// One line of the table: a name, and packets in the order in which they come.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
    /// Whether it is about Ethernet, so that it makes no sense without.
    pub(crate) ethernet_only: bool,
}

/// What happens next.
pub(crate) enum Step {
    /// A frame comes, and gets this verdict; these frames appear in the ring.
    Frame { bytes: Vec<u8>, verdict: Counter, events: Vec<Event> },
    /// The agent says that it wants no more of the connection, as of the last frame that it got
    /// from this step of the row, counted from 0.
    Settle { connection: Packet, as_of: usize },
    /// Something else that the program counts has gone up by this much since the row began.
    Tally(Counter, u64),
}

/// A frame that the agent gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) bytes: Vec<u8>,
    pub(crate) original_len: u32,
    pub(crate) skipped: u32,
}

impl Event {
    /// All of a frame.
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        let original_len = u32::try_from(bytes.len()).unwrap();
        Self { bytes, original_len, skipped: 0 }
    }
}

impl Row {
    pub(crate) const PROGRAMS: [&'static str; 2] = PROGRAMS;

    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, steps: Vec::new(), ethernet_only: false }
    }

    /// A frame that leaves nothing in the ring.
    pub(crate) fn quiet(self, packet: &Packet, verdict: Counter) -> Self {
        self.frame(packet.frame(), verdict, Vec::new())
    }

    /// A frame that is handed up whole.
    pub(crate) fn up(self, packet: &Packet) -> Self {
        let bytes = packet.frame();
        self.frame(bytes.clone(), Counter::HandedUp, vec![Event::whole(bytes)])
    }

    /// A frame that is handed up whole, behind its connection's SYN.
    pub(crate) fn up_with(self, syn: &Packet, packet: &Packet) -> Self {
        let bytes = packet.frame();
        let events = vec![Event::whole(syn.frame()), Event::whole(bytes.clone())];
        self.frame(bytes, Counter::HandedUp, events)
    }

    /// Any frame.
    pub(crate) fn frame(mut self, bytes: Vec<u8>, verdict: Counter, events: Vec<Event>) -> Self {
        self.steps.push(Step::Frame { bytes, verdict, events });
        self
    }

    pub(crate) fn settle(mut self, packet: &Packet, as_of: usize) -> Self {
        self.steps.push(Step::Settle { connection: packet.clone(), as_of });
        self
    }

    pub(crate) fn tally(mut self, counter: Counter, amount: u64) -> Self {
        self.steps.push(Step::Tally(counter, amount));
        self
    }

    pub(crate) fn ethernet_only(self) -> Self {
        Self { ethernet_only: true, ..self }
    }
}

/// What one frame brought about.
pub(crate) struct Seen {
    pub(crate) verdict: Counter,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Bench {
    source: EbpfSource,
    /// Tunnels that program and decoder look into.
    depth: u8,
    ports: PortSet,
    last_ns: u64,
}

impl Bench {
    /// One that looks into so many tunnels.
    pub(crate) fn new(tunnel_depth: u8) -> Self {
        let config = Config {
            stream_budget: BUDGET,
            tunnel_depth: tunnel_depth.into(),
            ..Config::default()
        };
        Self::with(&Options { config, ..small() })
    }

    pub(crate) fn with(options: &Options) -> Self {
        // Another build of the program is tested when this names its file.
        let object =
            std::env::var_os("JA4SENTINEL_BPF_OBJECT").map(|path| std::fs::read(path).unwrap());
        let opened = EbpfSource::open_object(object.as_deref().unwrap_or(OBJECT), options);
        let mut source = opened.unwrap_or_else(|error| {
            panic!("{error}\nThis test needs privilege: use `cargo xtask test`.")
        });
        let ports = PortSet::from_iter([PORT]);
        source.set_ports(&ports).unwrap();
        let depth = u8::try_from(options.config.tunnel_depth).unwrap();
        Self { source, depth, ports, last_ns: 0 }
    }

    /// Runs an Ethernet frame through the program and leaves the ring as it is.
    pub(crate) fn pass(&mut self, frame: &[u8]) {
        self.source.rehearse(PROGRAMS[0], frame, 1).unwrap();
    }

    /// Bytes that wait in the ring.
    pub(crate) fn waiting(&self) -> u64 {
        self.source.ring_bytes_waiting()
    }

    /// Takes what waits in the ring; gives the number of frames.
    pub(crate) fn drain(&mut self) -> usize {
        std::iter::from_fn(|| self.source.next().unwrap().map(drop)).count()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.source.kernel_counters().unwrap()
    }

    /// Runs a row through one program; says what is wrong with it.
    pub(crate) fn run(&mut self, row: &Row, number: u16, program: &'static str) -> Option<String> {
        let raw = program == PROGRAMS[1];
        if raw && row.ethernet_only {
            return None;
        }
        let before = self.counters();
        let mut times = Vec::new();
        for (at, step) in row.steps.iter().enumerate() {
            let fault = match step {
                Step::Frame { bytes, verdict, events } => {
                    let adapt = |bytes: &[u8]| own_connection(bytes, number, raw);
                    let cut = if raw { 14 } else { 0 };
                    let expected: Vec<Event> = events
                        .iter()
                        .map(|event| Event {
                            bytes: adapt(&event.bytes),
                            original_len: event.original_len - cut,
                            skipped: event.skipped,
                        })
                        .collect();
                    let bytes = adapt(bytes);
                    let seen = self.see(program, &bytes);
                    let fault = self.disagreement(&bytes, raw, seen.verdict);
                    fault.or_else(|| difference(&seen, *verdict, &expected))
                }
                Step::Settle { connection, as_of } => {
                    let bytes = own_connection(&connection.frame(), number, raw);
                    let (source, destination) = ends(&bytes, raw);
                    self.source.settle(source, destination, times[*as_of]);
                    // The kernel is told when nothing waits to be read.
                    (self.drain() > 0).then(|| "something was left in the ring".to_owned())
                }
                Step::Tally(counter, amount) => {
                    let counted = self.counters().get(*counter) - before.get(*counter);
                    (counted != *amount)
                        .then(|| format!("{} is {counted}, not {amount}", counter.label()))
                }
            };
            times.push(self.last_ns);
            if let Some(fault) = fault {
                return Some(format!("{program}: {}: step {}: {fault}", row.name, at + 1));
            }
        }
        None
    }

    /// Runs one frame through a program.
    pub(crate) fn see(&mut self, program: &'static str, bytes: &[u8]) -> Seen {
        let before = self.counters();
        let ran = self.source.rehearse(program, bytes, 1);
        let ran =
            ran.unwrap_or_else(|error| panic!("{} bytes, {bytes:02x?}: {error}", bytes.len()));
        assert_eq!(ran.action, GO_ON, "the packet does not go on");
        assert!(ran.unchanged, "the packet was changed");
        let mut events = Vec::new();
        while let Some(captured) = self.source.next().unwrap() {
            let Captured::Frame(frame) = captured else { continue };
            self.last_ns = frame.timestamp_ns;
            events.push(Event {
                bytes: frame.bytes.to_vec(),
                original_len: frame.original_len,
                skipped: frame.skipped_payload,
            });
        }
        let after = self.counters();
        let verdicts: Vec<Counter> = Counter::ALL
            .into_iter()
            .filter(|counter| is_verdict(*counter) && after.get(*counter) != before.get(*counter))
            .collect();
        assert_eq!(after.get(Counter::Packets), before.get(Counter::Packets) + 1);
        let [verdict] = verdicts[..] else { panic!("not one verdict, but {verdicts:?}") };
        Seen { verdict, events }
    }

    /// Where the agent's decoder judges a frame otherwise than the program did.
    pub(crate) fn disagreement(&self, bytes: &[u8], raw: bool, verdict: Counter) -> Option<String> {
        use Counter::*;
        let fits = match decode(&as_captured(bytes, raw), self.depth) {
            Err(error) => verdict.label() == error.label() || is_same(verdict, error, self.depth),
            Ok(Decoded::Fragment(_)) => {
                matches!(
                    verdict,
                    HandedUp | OtherPort | FragmentUnwanted | FragmentBudget | Settled | NotTcp
                )
            }
            Ok(Decoded::Segment(segment)) => {
                let closes = segment.flags.any(TcpFlags::FIN | TcpFlags::RST);
                match (segment.flags.opens(), segment.payload.is_empty()) {
                    _ if !self.ports.contains(segment.destination.port) => verdict == OtherPort,
                    (true, true) => matches!(verdict, SynKept | SynRepeated | SynTooLong),
                    (true, false) => matches!(verdict, HandedUp | Settled),
                    (false, true) if closes => {
                        matches!(verdict, HandedUp | Settled | SynClosed | NoPayload)
                    }
                    (false, true) => verdict == NoPayload,
                    (false, false) => {
                        matches!(verdict, HandedUp | Settled | UnknownConnection | HeadersTooLong)
                    }
                }
            }
        };
        (!fits).then(|| {
            let decoded = decode(&as_captured(bytes, raw), self.depth);
            format!("the kernel says {}, the decoder {decoded:?}", verdict.label())
        })
    }

    /// Each packet so far had one verdict.
    pub(crate) fn verdicts_add_up(&self) {
        let counters = self.counters();
        let verdicts: u64 = counters
            .iter()
            .filter(|(counter, _)| is_verdict(*counter))
            .map(|(_, value)| value)
            .sum();
        assert_eq!(verdicts, counters.get(Counter::Packets));
    }
}

fn is_verdict(counter: Counter) -> bool {
    !matches!(counter.kind(), Kind::Seen | Kind::Tally)
}

/// Where the two use different words. The decoder reads captures, which may have cut a frame where
/// the program knows it to be a runt; and it knows some forms that the program leaves out.
fn is_same(verdict: Counter, error: WireError, depth: u8) -> bool {
    use Counter::*;
    match error {
        // In a tunnel the outer headers state an end, behind which there may be more bytes. Either
        // leaves such a packet out, but may find another fault first.
        _ if depth > 0 && is_unread(verdict) => true,
        WireError::CutInHeader => {
            matches!(verdict, Ipv4HeaderLength | ExtensionLength | TcpRunt | TcpHeaderLength)
        }
        // LLC, and tunnels.
        WireError::LinkRunt => verdict == NotIp,
        WireError::TunnelTooDeep => matches!(verdict, NotTcp | NotIp),
        WireError::UnsupportedForm => verdict == NotTcp,
        _ => false,
    }
}

/// Whether the program came to no TCP header.
fn is_unread(verdict: Counter) -> bool {
    use Counter::*;
    verdict.kind() == Kind::LeftOut
        && !matches!(
            verdict,
            OtherPort | NoPayload | Settled | UnknownConnection | FragmentUnwanted
        )
}

fn as_captured(bytes: &[u8], raw: bool) -> Frame<'_> {
    Frame {
        timestamp_ns: 0,
        interface: 0,
        link: if raw { LinkType::RAW } else { LinkType::ETHERNET },
        vlan: None,
        bytes,
        original_len: u32::try_from(bytes.len()).unwrap(),
        skipped_payload: 0,
        unverified: false,
    }
}

fn difference(seen: &Seen, verdict: Counter, events: &[Event]) -> Option<String> {
    if seen.verdict != verdict {
        return Some(format!("{} instead of {}", seen.verdict.label(), verdict.label()));
    }
    if seen.events != events {
        let sizes = |events: &[Event]| {
            let each = |event: &Event| (event.bytes.len(), event.original_len, event.skipped);
            events.iter().map(each).collect::<Vec<_>>()
        };
        let (is, should) = (sizes(&seen.events), sizes(events));
        return Some(format!(
            "other frames in the ring (captured, original, skipped): {is:?}, not {should:?}"
        ));
    }
    None
}

/// The same frame with the row's number in it, so that its connection is nobody else's: in the last
/// two bytes of the sender's address. Without its Ethernet header when `raw`.
fn own_connection(bytes: &[u8], number: u16, raw: bool) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let number = number * 2 + u16::from(raw);
    let [high, low] = number.to_be_bytes();
    let marks: Vec<usize> = bytes
        .windows(rows_address::V4.len())
        .enumerate()
        .filter(|(_, window)| *window == rows_address::V4 || *window == rows_address::V6)
        .map(|(at, _)| at)
        .collect();
    if let Some(at) = marks.first() {
        bytes[at + 2] = high;
        bytes[at + 3] = low;
    }
    if raw { bytes.split_off(14) } else { bytes }
}

mod rows_address {
    //! The last four bytes of the client's addresses.
    pub(super) const V4: [u8; 4] = [10, 77, 0, 0];
    pub(super) const V6: [u8; 4] = [0x0a, 0x4e, 0, 0];
}

/// The client's IPv4 end.
pub(crate) fn client4() -> SocketAddr {
    "10.77.0.0:40000".parse().unwrap()
}

/// The client's IPv6 end.
pub(crate) fn client6() -> SocketAddr {
    "[2001:db8::a4e:0]:40000".parse().unwrap()
}

/// The server's end of the same family.
pub(crate) fn server(client: SocketAddr, port: u16) -> SocketAddr {
    let address: std::net::IpAddr =
        if client.is_ipv4() { "192.0.2.1".parse() } else { "2001:db8:1::1".parse() }.unwrap();
    SocketAddr::new(address, port)
}

/// The ends of a frame's connection.
fn ends(bytes: &[u8], raw: bool) -> (Endpoint, Endpoint) {
    match decode(&as_captured(bytes, raw), 0) {
        Ok(Decoded::Segment(segment)) => (segment.source, segment.destination),
        other => panic!("no segment: {other:?}"),
    }
}

/// A ClientHello of `len` bytes in one TLS record, header included: as much of it as the program
/// looks at is right.
pub(crate) fn hello(len: usize) -> Vec<u8> {
    let record = u16::try_from(len - 5).unwrap().to_be_bytes();
    let [_, high, middle, low] = u32::try_from(len - 9).unwrap().to_be_bytes();
    let mut bytes = vec![0x16, 3, 1, record[0], record[1], 1, high, middle, low, 3, 3];
    bytes.resize(len, 0x5a);
    bytes
}

/// A change_cipher_spec record.
pub(crate) const CHANGE_CIPHER_SPEC: [u8; 6] = [0x14, 3, 3, 0, 1, 1];

/// Encrypted data in one TLS record.
pub(crate) fn application_data(len: usize) -> Vec<u8> {
    let record = u16::try_from(len).unwrap().to_be_bytes();
    [vec![0x17, 3, 3, record[0], record[1]], vec![0xa5; len]].concat()
}

/// A SYN with this sequence number.
pub(crate) fn syn(client: SocketAddr, sequence: u32) -> Packet {
    Packet::syn(client, server(client, PORT), sequence)
}

/// A segment with payload, before the server said anything.
pub(crate) fn data(client: SocketAddr, sequence: u32, payload: impl Into<Vec<u8>>) -> Packet {
    Packet::data(client, server(client, PORT), sequence, payload).acknowledging(ANSWER)
}

/// Sequence number of the server's first byte.
pub(crate) const ANSWER: u32 = 7000;

/// Sets flags.
pub(crate) fn flagged(packet: Packet, flags: u8) -> Packet {
    packet.flags(flags | frames::flags::ACK)
}
