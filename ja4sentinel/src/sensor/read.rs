//! Contiguous client bytes, stage by stage, up to the hello and a further one.

use super::arrival::Arrival;
use super::bench::{Bench, Out};
use super::connection::{Connection, Stage};
use super::oddities::Oddity;
use super::reason::Reason;
use super::{ProxyProtocol, Settings, report};
use crate::flow::Key;
use crate::hello::preamble::proxy::{self, Fault, Proxy};
use crate::hello::preamble::{self, MAX_PREAMBLE, Preamble};
use crate::hello::{self, FoundHello, NotTls, Reading};

/// Hellos of one connection: RFC 8446 section 4.1.4 allows one HelloRetryRequest.
const MAX_HELLOS: u8 = 2;

/// Length of a handshake message's header, bytes; the limit is on what follows it.
const MESSAGE_HEADER: usize = 4;

impl Stage {
    /// Where the stream of a connection to `port` begins.
    pub(super) fn first(settings: &Settings, port: u16) -> Self {
        match settings.proxy_protocol_on(port) {
            ProxyProtocol::Off => Self::behind_proxy(settings),
            ProxyProtocol::Accept | ProxyProtocol::Require => Self::Proxy,
        }
    }

    /// What follows a PROXY header.
    fn behind_proxy(settings: &Settings) -> Self {
        if settings.starttls { Self::Preamble } else { Self::Hello }
    }
}

/// What reads one stretch of a connection's stream, and where its findings go.
struct Reader<'a, 'o> {
    connection: &'a mut Connection,
    key: &'a Key,
    /// When the last of the bytes came.
    timestamp_ns: u64,
    /// All of the bytes came with the SYN, and may never reach the server: they prove nothing
    /// against a hello.
    is_tentative: bool,
    bench: &'a mut Bench,
    out: &'a mut Out<'o>,
}

impl Connection {
    /// Reads `stream` from where the stage stands, and returns how many bytes are done with.
    /// `boundaries` are offsets in the whole stream at which segments began.
    pub(super) fn read(
        &mut self,
        key: &Key,
        stream: &[u8],
        boundaries: &[u32],
        timestamp_ns: u64,
        bench: &mut Bench,
        out: &mut Out<'_>,
    ) -> usize {
        let mut scratch = std::mem::take(&mut bench.scratch);
        let bounds = bench.bounds;
        let is_tentative = self.syn_bytes >= self.read_from + stream.len();
        let mut reader = Reader { connection: self, key, timestamp_ns, is_tentative, bench, out };
        let mut at = 0;
        // Each step that goes on takes bytes or moves to a later stage, so the loop ends.
        while let Some(taken) = {
            let rest = stream.get(at..).unwrap_or_default();
            match reader.connection.stage {
                Stage::Proxy => reader.proxy(rest),
                Stage::BadProxy(fault) => reader.bad_proxy(rest, fault),
                Stage::Preamble => reader.preamble(rest, &mut scratch),
                Stage::Late(cause) => reader.late(rest, boundaries, at, cause),
                Stage::Hello => reader.hello(hello::read(rest, &mut scratch), rest.len()),
                Stage::Further { .. } if rest.is_empty() => None,
                Stage::Further { open } => {
                    reader.hello(hello::read_next(rest, open, &mut scratch), rest.len())
                }
                Stage::Settled => None,
            }
        } {
            at += taken;
        }
        if !reader.connection.is_settled() && stream.len() - at >= bounds.bytes {
            reader.lose(Reason::ByteLimit);
        }
        bench.scratch = scratch;
        at
    }
}

impl Reader<'_, '_> {
    fn proxy(&mut self, rest: &[u8]) -> Option<usize> {
        let next = Stage::behind_proxy(&self.bench.settings);
        match proxy::read(rest) {
            Proxy::NeedMore => None,
            Proxy::Found(header) => {
                self.connection.proxied = header.addresses.map(Box::new);
                self.go_on(next, header.len, rest.len())
            }
            Proxy::None if self.is_proxy_required() => self.lose(Reason::ProxyHeaderMissing),
            Proxy::None => self.go_on(next, 0, rest.len()),
            Proxy::Malformed(fault) => {
                self.connection.arrival.oddities.note(Oddity::ProxyHeaderBad, true);
                self.go_on(Stage::BadProxy(fault), 0, rest.len())
            }
        }
    }

    fn is_proxy_required(&self) -> bool {
        let port = self.key.server.port;
        self.bench.settings.proxy_protocol_on(port) == ProxyProtocol::Require
    }

    /// Where a broken header ends nobody can say: the hello is looked for at every offset.
    fn bad_proxy(&mut self, rest: &[u8], fault: Fault) -> Option<usize> {
        match preamble::at_boundary(rest, 0..rest.len()) {
            Some(offset) => self.go_on(Stage::Hello, offset, rest.len()),
            None if rest.len() > MAX_PREAMBLE => self.lose(Reason::ProxyHeaderBad(fault)),
            None => None,
        }
    }

    fn preamble(&mut self, rest: &[u8], scratch: &mut Vec<u8>) -> Option<usize> {
        match preamble::skip(rest) {
            Preamble::NeedMore => None,
            Preamble::Found { len, .. } => {
                self.connection.arrival.oddities.note(Oddity::Starttls, true);
                self.go_on(Stage::Hello, len, rest.len())
            }
            Preamble::None => match hello::read(rest, scratch) {
                Reading::NotTls(cause) => self.go_on(Stage::Late(cause), 0, rest.len()),
                reading => {
                    self.connection.stage = Stage::Hello;
                    self.hello(reading, rest.len())
                }
            },
        }
    }

    fn late(&mut self, rest: &[u8], boundaries: &[u32], at: usize, cause: NotTls) -> Option<usize> {
        let boundaries = boundaries.iter().filter_map(|start| (*start as usize).checked_sub(at));
        match preamble::at_boundary(rest, boundaries) {
            Some(offset) => {
                self.connection.arrival.oddities.note(Oddity::LateHello, true);
                self.go_on(Stage::Hello, offset, rest.len())
            }
            None if rest.len() > MAX_PREAMBLE => self.lose(Reason::NotTls(cause)),
            None => None,
        }
    }

    fn hello(&mut self, reading: Reading<'_>, len: usize) -> Option<usize> {
        let has_hello = self.connection.hellos > 0;
        match reading {
            Reading::Hello(found) => self.fingerprint(&found, len),
            Reading::NeedMore => None,
            _ if self.is_tentative => None,
            Reading::NotTls(_) if has_hello => {
                self.connection.settle(self.bench);
                None
            }
            Reading::NotTls(cause) => self.lose(Reason::NotTls(cause)),
            Reading::Malformed(cause) => self.lose(Reason::Malformed(cause)),
        }
    }

    fn fingerprint(&mut self, found: &FoundHello<'_>, len: usize) -> Option<usize> {
        if found.message_len
            > self.bench.settings.limits.bytes_per_hello.saturating_add(MESSAGE_HEADER)
        {
            return self.lose(Reason::ByteLimit);
        }
        let connection = &mut *self.connection;
        connection.hellos += 1;
        connection.arrival.complete(found.end, found.message_len, found.tls_records);
        connection.arrival.oddities.note(Oddity::EmptyRecords, found.empty_records > 0);
        self.bench.counters.fingerprint(connection.hellos == 1);
        report::hello(connection, self.key, found, self.timestamp_ns, self.bench, self.out);
        if connection.hellos >= MAX_HELLOS {
            connection.settle(self.bench);
            return None;
        }
        self.go_on(Stage::Further { open: found.open }, found.end, len)
    }

    /// Goes to the next stage, behind `taken` of the `len` bytes that are there.
    fn go_on(&mut self, stage: Stage, taken: usize, len: usize) -> Option<usize> {
        self.connection.stage = stage;
        if taken > 0 {
            self.connection.arrival = Arrival::behind(&self.connection.arrival, len - taken);
        }
        Some(taken)
    }

    fn lose(&mut self, reason: Reason) -> Option<usize> {
        self.connection.lose(reason, self.key, self.bench, self.out);
        None
    }
}
