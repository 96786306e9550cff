//! Watching a lab's server side, and sending to it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ja4sentinel::capture::ebpf::{EbpfSource, Options, Placement};
use ja4sentinel::capture::{Captured, Interface, Live, Source, interfaces};
use ja4sentinel::sensor::PortSet;
use ja4sentinel::wire::{Endpoint, Frame, LinkType, Packet, Segment, decode};
use ja4sentinel_common::{Counter, Kind};
use ja4sentinel_tests::netns::Lab;
use ja4sentinel_tests::process::wait_until;

/// How long packets may still pass while their counters are read.
const BALANCED: Duration = Duration::from_secs(2);

/// A frame that arrived, as the decoder reads it.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) time_ns: u64,
    pub(crate) vlan: Vec<u16>,
    /// Whether a VLAN tag came beside the bytes.
    pub(crate) tag_beside: bool,
    pub(crate) link: LinkType,
    pub(crate) syn: bool,
    pub(crate) sequence: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
}

impl Arrived {
    pub(crate) fn of(frame: &Frame<'_>) -> Self {
        let segment: Segment<'_> = match decode(frame, 0) {
            Ok(Packet::Segment(segment)) => segment,
            other => panic!("{other:?} of {frame:?}"),
        };
        Self {
            time_ns: frame.timestamp_ns,
            vlan: segment.vlan.ids().to_vec(),
            tag_beside: frame.vlan.is_some(),
            link: frame.link,
            syn: segment.flags.opens(),
            sequence: segment.sequence,
            payload: segment.payload.to_vec(),
            source: segment.source,
            destination: segment.destination,
        }
    }
}

/// Opens the backend in this thread's namespace, on interfaces of these names.
pub(crate) fn open(names: &[&str], ports: impl IntoIterator<Item = u16>) -> EbpfSource {
    open_placed(names, ports, Placement::default())
}

/// The same at a certain place among the programs of others.
pub(crate) fn open_placed(
    names: &[&str],
    ports: impl IntoIterator<Item = u16>,
    placement: Placement,
) -> EbpfSource {
    let options = Options { placement, ..Options::default() };
    let mut source = EbpfSource::open(&options).unwrap();
    source.set_ports(&PortSet::from_iter(ports)).unwrap();
    source.watch(&named(names)).unwrap();
    source
}

pub(crate) fn named(names: &[&str]) -> Vec<Interface> {
    let all = interfaces().unwrap();
    let found: Vec<Interface> =
        all.into_iter().filter(|interface| names.contains(&&*interface.name)).collect();
    assert_eq!(found.len(), names.len(), "{names:?}");
    found
}

/// Everything that waits; the kernel's side of the ledger balances then.
pub(crate) fn drain(source: &mut EbpfSource) -> Vec<Arrived> {
    // A packet that passes right now may be half counted.
    let balanced = wait_until(BALANCED, || {
        let counters = source.kernel_counters().unwrap();
        let is_verdict = |counter: Counter| !matches!(counter.kind(), Kind::Seen | Kind::Tally);
        let verdicts = counters.iter().filter(|(counter, _)| is_verdict(*counter));
        verdicts.map(|(_, count)| count).sum::<u64>() == counters.get(Counter::Packets)
    });
    assert!(balanced, "{:?}", source.kernel_counters());
    let mut arrived = Vec::new();
    while let Some(captured) = source.next().unwrap() {
        if let Captured::Frame(frame) = captured {
            arrived.push(Arrived::of(&frame));
        }
    }
    arrived
}

/// Sends bytes on a connection to `address` from the client's side, and waits until the server, which
/// listens there, has read them all.
pub(crate) fn send(lab: &Lab, address: SocketAddr, bytes: &[u8]) {
    let (listening, wait) = mpsc::channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            lab.server.inside(|| {
                let listener = listen(address);
                listening.send(()).unwrap();
                let mut received = Vec::new();
                listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
                received.len()
            })
        });
        wait.recv_timeout(Duration::from_secs(10)).unwrap();
        lab.client
            .inside(|| TcpStream::connect(address).unwrap().write_all(bytes).unwrap())
            .unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), bytes.len());
    });
}

/// Sends bytes like [`send`], but does not insist; gives whether the server had them all.
pub(crate) fn try_to_send(lab: &Lab, address: SocketAddr, bytes: &[u8]) -> bool {
    /// Longer than the second after which a SYN is sent again, and a neighbour asked again whose answer
    /// was dropped.
    const ATTEMPT: Duration = Duration::from_millis(1500);
    let listener = lab.server.inside(|| listen(address)).unwrap();
    let client = lab.client.inside(|| TcpStream::connect_timeout(&address, ATTEMPT)).unwrap();
    let Ok(mut client) = client else { return false };
    client.write_all(bytes).unwrap();
    drop(client);
    let mut received = Vec::new();
    listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
    received == bytes
}

/// Listens at `address`, which the connection before may still hold for a moment.
fn listen(address: SocketAddr) -> TcpListener {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            done => return done.unwrap(),
        }
    }
}

/// A TLS record that announces a ClientHello of `len` bytes, header included, and carries on beyond
/// that.
pub(crate) fn hello(len: usize) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(len).unwrap().to_be_bytes();
    let mut bytes = vec![0x16, 3, 1, 0x40, 0, 1, high, middle, low, 3, 3];
    bytes.extend((bytes.len()..len).map(|at| u8::try_from(at % 251).unwrap()));
    bytes
}

/// How many of the frames have payload; the rest are SYNs and FINs.
pub(crate) fn with_payload(arrived: &[Arrived]) -> usize {
    arrived.iter().filter(|frame| !frame.payload.is_empty()).count()
}
