//! Clients without a network stack of their own: frames, made to order, each of another client.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use ja4sentinel_tests::frames::{Packet, checksum};
use ja4sentinel_tests::netns::SERVER_V4;

/// The example of FoxIO's JA4 document as a TLS record, and its fingerprints by that document and by
/// Wireshark.
pub(super) const HELLO: &[u8] =
    include_bytes!("../../../../tests/golden/synthetic/readme_example.bin");
pub(super) const JA4: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";
pub(super) const JA3: &str = "a427ab4c27516aae092f4cf675eb0701";

/// The watched port of the lab's server.
pub(super) const SERVER: SocketAddrV4 = SocketAddrV4::new(SERVER_V4, 443);
/// The network of these clients, for benchmarks by RFC 2544: 131,072 addresses.
pub(super) const NETWORK: &str = "198.18.0.0/15";
const FIRST: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const ADDRESSES: u32 = 1 << 17;
/// Their least port.
const PORT: u16 = 20_000;
/// Where a SYN starts to count.
const SEQUENCE: u32 = 100;

/// The end of client number `n`: of all addresses first, then of the next port.
pub(super) fn client(n: u32) -> SocketAddrV4 {
    let port = PORT + u16::try_from(n / ADDRESSES).unwrap_or_default();
    SocketAddrV4::new(Ipv4Addr::from_bits(FIRST + n % ADDRESSES), port)
}

/// The number of a client.
pub(super) fn number(address: Ipv4Addr, port: u16) -> Option<u32> {
    let within = address.to_bits().checked_sub(FIRST).filter(|offset| *offset < ADDRESSES)?;
    Some(u32::from(port.checked_sub(PORT)?) * ADDRESSES + within)
}

/// The SYN of client number `n`, and its hello in one or two segments.
pub(super) fn connection(n: u32) -> Vec<Vec<u8>> {
    let (client, server) = (SocketAddr::from(client(n)), SocketAddr::from(SERVER));
    let mut frames = vec![Packet::syn(client, server, SEQUENCE).frame()];
    let cut = if n.is_multiple_of(2) { HELLO.len() } else { HELLO.len() / 2 };
    let mut sequence = SEQUENCE + 1;
    for piece in HELLO.chunks(cut) {
        frames.push(Packet::data(client, server, sequence, piece).frame());
        sequence += u32::try_from(piece.len()).unwrap_or_default();
    }
    // What is left of an odd length.
    frames
}

/// SYNs by the million: one frame, changed from client to client.
pub(super) struct Syns(Vec<u8>);

impl Syns {
    pub(super) fn new() -> Self {
        Self(Packet::syn(client(0).into(), SERVER.into(), SEQUENCE).frame())
    }

    /// The frame of client number `n`, with checksums that hold.
    pub(super) fn of(&mut self, n: u32) -> &[u8] {
        const IP: usize = 14;
        const TCP: usize = IP + 20;
        let client = client(n);
        let put = |frame: &mut [u8], at: usize, bytes: &[u8]| {
            if let Some(place) = frame.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        let frame = &mut self.0;
        put(frame, IP + 12, &client.ip().octets());
        put(frame, TCP, &client.port().to_be_bytes());
        put(frame, IP + 10, &[0; 2]);
        let sum = checksum(frame.get(IP..TCP).unwrap_or_default());
        put(frame, IP + 10, &sum.to_be_bytes());
        put(frame, TCP + 16, &[0; 2]);
        let segment = frame.get(TCP..).unwrap_or_default();
        let length = u16::try_from(segment.len()).unwrap_or_default().to_be_bytes();
        let addresses = frame.get(IP + 12..TCP).unwrap_or_default();
        let sum = checksum(&[addresses, &[0, 6], &length, segment].concat());
        put(frame, TCP + 16, &sum.to_be_bytes());
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_have_their_numbers() {
        for n in [0, 1, 131_071, 131_072, 999_999] {
            assert_eq!(number(*client(n).ip(), client(n).port()), Some(n));
        }
        assert_eq!(number(Ipv4Addr::new(192, 0, 2, 1), 20_000), None);
        assert_ne!(client(0), client(131_072));
    }

    #[test]
    fn a_changed_frame_is_one_made_afresh() {
        let mut syns = Syns::new();
        for n in [7, 999_999, 0] {
            assert_eq!(syns.of(n), Packet::syn(client(n).into(), SERVER.into(), 100).frame());
        }
    }

    #[test]
    fn a_hello_comes_in_one_segment_or_more() {
        assert_eq!(connection(0).len(), 2);
        assert!(connection(1).len() > 2);
    }
}
