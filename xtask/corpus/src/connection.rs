//! A connection's script: who sends what, when.

use super::encode::{handshake, long, record, short};
use super::flow::Flow;
use super::packet::{ACK, FIN, PSH, SYN, Segment};
use super::random::Random;
use super::schedule::Schedule;

/// Round trip of a connection whose delay is not the matter, microseconds.
const ROUND_TRIP: u64 = 20_000;

/// Between two segments that one end sends at once, microseconds.
const CLIENT_GAP: u64 = 20;
const SERVER_GAP: u64 = 12;

/// A connection at a moment.
pub(super) struct Connection<'a, 'w> {
    schedule: &'a mut Schedule<'w>,
    pub(super) flow: Flow,
    /// The next sequence number of each end.
    pub(super) client: u32,
    pub(super) server: u32,
    /// Microseconds since the beginning.
    pub(super) time: u64,
    round_trip: u64,
}

impl<'a, 'w> Connection<'a, 'w> {
    /// One that begins with a handshake, over a way of 2 to 120 ms.
    pub(super) fn open(
        schedule: &'a mut Schedule<'w>,
        flow: Flow,
        time: u64,
        random: &mut Random,
    ) -> Self {
        let round_trip = u64::from(random.within(2_000..120_000));
        let (client, server) = (random.word(), random.word());
        let mut opened = Self { schedule, flow, client, server, time, round_trip };
        opened.handshake();
        opened
    }

    /// One that has sent nothing yet, and whose client's numbers begin at `client`.
    pub(super) fn silent(
        schedule: &'a mut Schedule<'w>,
        flow: Flow,
        time: u64,
        client: u32,
        random: &mut Random,
    ) -> Self {
        let server = random.word();
        Self { schedule, flow, client, server, time, round_trip: ROUND_TRIP }
    }

    /// SYN, SYN and ACK, ACK.
    pub(super) fn handshake(&mut self) {
        self.send(true, SYN, &[]);
        self.client = self.client.wrapping_add(1);
        self.pass_half_round();
        self.accept();
        self.pass_half_round();
        self.client_acknowledges();
    }

    /// The server's SYN and ACK.
    pub(super) fn accept(&mut self) {
        self.send(false, SYN | ACK, &[]);
        self.server = self.server.wrapping_add(1);
    }

    /// The client's bytes, in order, in full segments; gives how many.
    pub(super) fn client_sends(&mut self, bytes: &[u8]) -> usize {
        let segments = bytes.chunks(self.flow.segment_size());
        let count = segments.len();
        for payload in segments {
            self.time += CLIENT_GAP;
            self.send(true, ACK | PSH, payload);
            self.client = advanced(self.client, payload.len());
        }
        count
    }

    /// The server's bytes.
    pub(super) fn server_sends(&mut self, bytes: &[u8]) {
        for payload in bytes.chunks(self.flow.segment_size()) {
            self.time += SERVER_GAP;
            self.send(false, ACK | PSH, payload);
            self.server = advanced(self.server, payload.len());
        }
    }

    pub(super) fn client_acknowledges(&mut self) {
        self.send(true, ACK, &[]);
    }

    pub(super) fn server_acknowledges(&mut self) {
        self.send(false, ACK, &[]);
    }

    /// The server's answer to a hello: its own hello, and bytes that are encrypted.
    pub(super) fn server_answers(&mut self, is_tls13: bool, random: &mut Random) {
        self.pass_half_round();
        self.server_acknowledges();
        let nonce = random.bytes(32);
        let session = random.bytes(32);
        let extensions = if is_tls13 {
            // supported_versions, and key_share with x25519
            let chosen = [0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32];
            [chosen.as_slice(), &random.bytes(32)].concat()
        } else {
            vec![0xff, 1, 0, 1, 0]
        };
        let cipher = [0x13, 1, 0];
        let body = [&[3, 3], &*nonce, &short(&session), &cipher, &long(&extensions)].concat();
        let flight = [
            record(0x16, [3, 3], &handshake(2, &body)),
            record(0x14, [3, 3], &[1]),
            record(0x17, [3, 3], &random.bytes(180)),
        ];
        self.time += 300;
        self.server_sends(&flight.concat());
        self.pass_half_round();
        self.client_acknowledges();
    }

    /// Both ends' FIN.
    pub(super) fn close(&mut self) {
        self.send(true, FIN | ACK, &[]);
        self.client = self.client.wrapping_add(1);
        self.pass_half_round();
        self.send(false, FIN | ACK, &[]);
        self.server = self.server.wrapping_add(1);
        self.pass_half_round();
        self.client_acknowledges();
    }

    /// A segment of the client's with any numbers.
    pub(super) fn put(&mut self, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) {
        let clock = clock(self.time);
        let from_client = true;
        let segment = Segment { from_client, sequence, acknowledgement, flags, payload, clock };
        self.schedule.add(self.time, segment.frames(&self.flow));
    }

    fn send(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let (sequence, acknowledgement) = match from_client {
            true => (self.client, self.server),
            false => (self.server, self.client),
        };
        let clock = clock(self.time);
        let segment = Segment { from_client, sequence, acknowledgement, flags, payload, clock };
        self.schedule.add(self.time, segment.frames(&self.flow));
    }

    fn pass_half_round(&mut self) {
        self.time += self.round_trip / 2;
    }
}

/// The sequence number `bytes` after `number`.
pub(super) fn advanced(number: u32, bytes: usize) -> u32 {
    number.wrapping_add(u32::try_from(bytes).unwrap_or_default())
}

/// Both ends' clock for timestamps, milliseconds.
fn clock(time: u64) -> u32 {
    u32::try_from(time / 1000 + 77).unwrap_or(u32::MAX)
}
