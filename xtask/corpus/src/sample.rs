//! Single hellos and connections, and the packets of a capture, for benchmarks.

use crate::clients::Client;
use crate::flow::Flow;
use crate::hello::Hello;
use crate::packet::{ACK, FIN, PSH, SYN, Segment};
use crate::random::Random;

/// How far a sample's length may be from the one that was asked for, bytes.
const TOLERANCE: usize = 20;

/// How many hellos are drawn to find one of such a length.
const DRAWN: usize = 10_000;

/// A hello of Chromium's in its record, of about this many bytes: 600 without a key share for
/// quantum computers, 1,700 with one.
#[must_use]
pub fn hello(bytes: usize) -> Option<Vec<u8>> {
    hellos(bytes).next()
}

/// Such hellos one after the other, each with its extensions in another order.
pub fn hellos(bytes: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::new(crate::SEED);
    let clients = [Client::Chromium, Client::ChromiumPostQuantum];
    let mut drawn = (0..DRAWN).filter_map(|_| {
        let client = random.pick(&clients)?;
        Some(Hello::new(client, false, &mut random))
    });
    let first = drawn.find(|hello| hello.bytes.len().abs_diff(bytes) <= TOLERANCE);
    std::iter::successors(first, move |hello| Some(hello.next(&mut random)))
        .map(|hello| hello.bytes)
}

/// The client's frames of one IPv4 connection to port 443: SYN, these pieces of payload, FIN.
#[must_use]
pub fn connection(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let flow = Flow::new(0, 1, false, &mut Random::new(crate::SEED));
    let mut sequence = 1_u32;
    let mut frame = |flags: u8, payload: &[u8]| {
        let acknowledgement = 1;
        let segment =
            Segment { from_client: true, sequence, acknowledgement, flags, payload, clock: 1 };
        let counted = if flags & SYN == 0 { payload.len() } else { 1 };
        sequence += u32::try_from(counted).unwrap_or_default();
        segment.frames(&flow)
    };
    let mut frames = frame(SYN, &[]);
    frames.extend(pieces.iter().flat_map(|piece| frame(ACK | PSH, piece)));
    frames.extend(frame(FIN | ACK, &[]));
    frames
}

/// A packet of a capture.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// Nanoseconds since the UNIX epoch.
    pub timestamp_ns: u64,
    /// From the Ethernet header on.
    pub bytes: &'a [u8],
}

/// The packets of a capture that [`Kind::write`](crate::Kind::write) made.
pub fn packets(capture: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    let mut rest = capture.get(24..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, behind) = rest.split_first_chunk::<16>()?;
        let [seconds, micros, length, _] = header.as_chunks::<4>().0 else { return None };
        let [seconds, micros, length] =
            [seconds, micros, length].map(|word| u32::from_le_bytes(*word));
        let (bytes, behind) = behind.split_at_checked(length as usize)?;
        rest = behind;
        let timestamp_ns = u64::from(seconds) * 1_000_000_000 + u64::from(micros) * 1_000;
        Some(Packet { timestamp_ns, bytes })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, SEED, Size};

    #[test]
    fn hellos_have_the_length_that_was_asked_for() {
        for bytes in [600, 1_700] {
            assert!(hello(bytes).unwrap().len().abs_diff(bytes) <= TOLERANCE);
        }
        assert_eq!(hello(60_000), None);
    }

    #[test]
    fn every_packet_of_a_capture_is_found() {
        let mut capture = Vec::new();
        Kind::Hello.write(Size::Small, SEED, &mut capture, &mut Vec::new()).unwrap();
        let bytes: usize = packets(&capture).map(|packet| 16 + packet.bytes.len()).sum();
        assert_eq!(24 + bytes, capture.len());
    }
}
