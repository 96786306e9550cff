//! A sensor with a clock, fed with packets; what it hands out is kept, and its ledger is watched.
#![allow(dead_code, reason = "no test uses all of it")]
#![allow(clippy::panic, reason = "a test ends so")]

use std::net::SocketAddr;

use ja4sentinel::record::Record;
use ja4sentinel::sensor::{Ledger, Outcome, Sensor, Settings};
use ja4sentinel::wire::{Endpoint, Frame, LinkType};
use ja4sentinel_tests::frames::Packet;

/// One millisecond, in nanoseconds: how far apart frames are.
pub(crate) const MILLISECOND: u64 = 1_000_000;
/// One second, in nanoseconds.
pub(crate) const SECOND: u64 = 1000 * MILLISECOND;
/// When the first frame comes.
pub(crate) const START: u64 = 1_700_000_000 * SECOND;

/// The sensor under test.
pub(crate) struct Lab {
    pub(crate) sensor: Sensor,
    pub(crate) now_ns: u64,
    pub(crate) records: Vec<Record>,
    pub(crate) settled: Vec<(Endpoint, Endpoint, u64)>,
}

impl Lab {
    pub(crate) fn new(settings: Settings) -> Self {
        let sensor = Sensor::new(settings, "file");
        Self { sensor, now_ns: START, records: Vec::new(), settled: Vec::new() }
    }

    /// Feeds one packet, and checks the balance.
    pub(crate) fn feed(&mut self, packet: &Packet) {
        let bytes = packet.frame();
        self.feed_bytes(&bytes, bytes.len());
        self.assert_balanced();
    }

    /// Feeds the captured bytes of a frame that had `original_len` bytes.
    pub(crate) fn feed_bytes(&mut self, bytes: &[u8], original_len: usize) {
        let frame = Frame {
            timestamp_ns: self.now_ns,
            interface: 0,
            link: LinkType::ETHERNET,
            vlan: None,
            bytes,
            original_len: u32::try_from(original_len).unwrap_or(u32::MAX),
            skipped_payload: 0,
            unverified: false,
        };
        let Self { sensor, records, settled, .. } = self;
        sensor.frame(&frame, &mut keep(records, settled));
        self.now_ns += MILLISECOND;
    }

    /// Lets time go by without a frame.
    pub(crate) fn wait(&mut self, nanoseconds: u64) {
        self.now_ns += nanoseconds;
        let Self { sensor, records, settled, now_ns } = self;
        sensor.advance(*now_ns, &mut keep(records, settled));
        self.assert_balanced();
    }

    /// The input is over; nothing may be left.
    pub(crate) fn finish(&mut self) -> Ledger {
        let Self { sensor, records, settled, .. } = self;
        sensor.finish(&mut keep(records, settled));
        self.assert_balanced();
        let ledger = self.sensor.ledger();
        assert_eq!(ledger.stage("connections").map(|stage| stage.in_flight), Some(0));
        assert_eq!((self.sensor.reassembly_bytes().0, self.sensor.tracked()), (0, 0));
        ledger
    }

    pub(crate) fn assert_balanced(&self) {
        let ledger = self.sensor.ledger();
        assert!(ledger.is_balanced(), "{ledger:#?}");
    }

    /// How many connections ended for this reason.
    pub(crate) fn lost(&self, reason: &str) -> u64 {
        count(&self.sensor.ledger(), "connections", reason)
    }

    /// The JA4 of each record, in their order.
    pub(crate) fn ja4(&self) -> Vec<&str> {
        self.records.iter().map(|record| record.ja4.as_str()).collect()
    }
}

fn keep<'a>(
    records: &'a mut Vec<Record>,
    settled: &'a mut Vec<(Endpoint, Endpoint, u64)>,
) -> impl FnMut(Outcome<'_>) + 'a {
    move |outcome| match outcome {
        Outcome::Record(record) => records.push(record.clone()),
        Outcome::Settled { source, destination, as_of_ns } => {
            settled.push((source, destination, as_of_ns));
        }
    }
}

/// What a stage of the ledger lost or left out under this name.
pub(crate) fn count(ledger: &Ledger, stage: &str, label: &str) -> u64 {
    let Some(stage) = ledger.stage(stage) else { panic!("no stage {stage}") };
    let named = stage.lost.iter().chain(&stage.left_out).find(|(name, _)| *name == label);
    let Some((_, count)) = named else { panic!("no name {label} in {stage:?}") };
    *count
}

/// A client on this port of its machine.
pub(crate) fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

/// The server that all clients talk to.
pub(crate) fn server() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], 443))
}

/// A client's end of a connection to [`server`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) server: SocketAddr,
    pub(crate) isn: u32,
}

impl Client {
    pub(crate) fn new(port: u16, isn: u32) -> Self {
        Self { address: client(port), server: server(), isn }
    }

    pub(crate) fn syn(&self) -> Packet {
        Packet::syn(self.address, self.server, self.isn)
    }

    /// Payload at this offset of the client's stream.
    pub(crate) fn data(&self, offset: u32, payload: &[u8]) -> Packet {
        Packet::data(
            self.address,
            self.server,
            self.isn.wrapping_add(1).wrapping_add(offset),
            payload,
        )
    }
}
