//! What the benchmarks share: clients, and a sensor whose records become lines of JSON.

use ja4sentinel::record::Record;
use ja4sentinel::sensor::{Outcome, Sensor, Settings};
use ja4sentinel::wire::{Frame, LinkType};
use ja4sentinel_corpus::sample;

/// Where an IPv4 client's address stands in its frames.
const ADDRESS: usize = 26;

/// A client that connects, sends a hello, and goes: again and again, from another address each time.
pub(crate) struct Client {
    number: u32,
    syn: Vec<u8>,
    hello: Vec<Vec<u8>>,
    fin: Vec<u8>,
}

impl Client {
    /// One whose hello comes in pieces of these many bytes.
    pub(crate) fn new(hello: &[u8], piece: usize) -> Self {
        let pieces: Vec<_> = hello.chunks(piece).collect();
        let mut frames = sample::connection(&pieces).into_iter();
        let syn = frames.next().expect("a connection begins with a SYN");
        let fin = frames.next_back().expect("a connection ends with a FIN");
        Self { number: 0, syn, hello: frames.collect(), fin }
    }

    /// Gives it the address of the client with this number, which has 24 bits.
    pub(crate) fn be(&mut self, number: u32) {
        self.number = number;
        let address = (0x0a00_0000 | (number & 0x00ff_ffff)).to_be_bytes();
        let frames = self.hello.iter_mut().chain([&mut self.syn, &mut self.fin]);
        for frame in frames {
            let place = frame.get_mut(ADDRESS..ADDRESS + 4).expect("an IPv4 header");
            place.copy_from_slice(&address);
        }
    }

    /// Gives it the next address.
    pub(crate) fn be_next(&mut self) {
        self.be(self.number + 1);
    }

    /// Its SYN.
    pub(crate) fn syn(&self) -> &[u8] {
        &self.syn
    }

    /// The segments of its hello.
    pub(crate) fn hello(&self) -> &[Vec<u8>] {
        &self.hello
    }

    /// Its FIN.
    pub(crate) fn fin(&self) -> &[u8] {
        &self.fin
    }
}

/// A sensor and what comes of it.
pub(crate) struct Reader {
    sensor: Sensor,
    /// Records so far.
    pub(crate) records: u64,
    lines: Vec<u8>,
}

impl Reader {
    /// Some hundred lines; nobody reads them.
    const BUFFER: usize = 64 * 1024;

    /// More than the begun hello of a connection here takes, bytes.
    const BEGUN: usize = 1024;

    /// One that follows so many connections at once, each in the middle of its hello.
    pub(crate) fn new(flows: usize) -> Self {
        let mut settings = Settings::default();
        settings.ports.insert(443);
        settings.limits.flows = flows;
        let begun = flows.saturating_mul(Self::BEGUN);
        settings.limits.reassembly_bytes = settings.limits.reassembly_bytes.max(begun);
        Self { sensor: Sensor::new(settings, "file"), records: 0, lines: Vec::new() }
    }

    /// Takes a frame, to the lines that come of it.
    pub(crate) fn read(&mut self, frame: &Frame<'_>) {
        let Self { sensor, records, lines } = self;
        sensor.frame(frame, &mut |outcome| {
            if let Outcome::Record(record) = outcome {
                if lines.len() > Self::BUFFER {
                    lines.clear();
                }
                write(record, lines);
                *records += 1;
            }
        });
    }

    /// Connections in the sensor's table.
    pub(crate) fn tracked(&self) -> usize {
        self.sensor.tracked()
    }
}

/// Appends a record as a line of JSON, as `read` does.
pub(crate) fn write(record: &Record, line: &mut Vec<u8>) {
    record.write_json(line);
    line.push(b'\n');
}

/// An Ethernet frame as a capture file holds it.
pub(crate) fn frame(bytes: &[u8], timestamp_ns: u64) -> Frame<'_> {
    Frame {
        timestamp_ns,
        interface: 0,
        link: LinkType::ETHERNET,
        vlan: None,
        bytes,
        original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        skipped_payload: 0,
        unverified: false,
    }
}
