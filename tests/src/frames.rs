//! Builds frames byte by byte: Ethernet, VLAN tags, IPv4 and IPv6, TCP, and their fragments.
//!
//! Lengths and checksums are right unless a test spoils the bytes afterwards.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "a packet that cannot be built fails the test that asked for it"
)]

use std::net::{IpAddr, SocketAddr};

/// EtherType of an IEEE 802.1Q tag.
pub const CUSTOMER_TAG: u16 = 0x8100;
/// EtherType of an IEEE 802.1ad service tag.
pub const SERVICE_TAG: u16 = 0x88a8;

/// TCP flags, RFC 9293 section 3.1.
pub mod flags {
    /// The sender is done.
    pub const FIN: u8 = 0x01;
    /// First segment of a connection.
    pub const SYN: u8 = 0x02;
    /// The connection is refused or aborted.
    pub const RST: u8 = 0x04;
    /// Deliver without delay.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
}

/// TCP options that a Linux client puts into its SYN: MSS 1460, SACK permitted, timestamps, no
/// operation, window scale 7.
pub const LINUX_SYN_OPTIONS: [u8; 20] =
    [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];
/// TCP options of a Linux client's later segments: two no operations, timestamps.
pub const LINUX_OPTIONS: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1];

const PROTOCOL_TCP: u8 = 6;
const FRAGMENT_HEADER: u8 = 44;

/// What lies under the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Ethernet II.
    Ethernet,
    /// Nothing: the frame begins with the IP header.
    Raw,
}

/// One TCP segment with all its headers. Every field may be changed before [`Packet::frame`].
#[derive(Debug, Clone)]
pub struct Packet {
    /// What the frame begins with.
    pub link: Link,
    /// VLAN tags, outermost first: EtherType and tag control information.
    pub tags: Vec<(u16, u16)>,
    /// Sender.
    pub source: SocketAddr,
    /// Receiver; of the same address family.
    pub destination: SocketAddr,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// IPv4 identification, or that of an IPv6 fragment header.
    pub id: u32,
    /// IPv4 don't-fragment bit.
    pub df: bool,
    /// IPv4 options, a multiple of four bytes.
    pub ip_options: Vec<u8>,
    /// IPv6 extension headers: number and the bytes behind its first two, 6 + 8n of them.
    pub extensions: Vec<(u8, Vec<u8>)>,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
    /// TCP flags, see [`flags`].
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// TCP options, a multiple of four bytes, at most 40.
    pub options: Vec<u8>,
    /// Payload.
    pub payload: Vec<u8>,
}

impl Packet {
    /// A SYN as Linux sends it, over Ethernet.
    #[must_use]
    pub fn syn(source: SocketAddr, destination: SocketAddr, sequence: u32) -> Self {
        Self {
            link: Link::Ethernet,
            tags: Vec::new(),
            source,
            destination,
            ttl: 64,
            id: 0x1234,
            df: true,
            ip_options: Vec::new(),
            extensions: Vec::new(),
            sequence,
            acknowledgement: 0,
            flags: flags::SYN,
            window: 64240,
            options: LINUX_SYN_OPTIONS.to_vec(),
            payload: Vec::new(),
        }
    }

    /// A segment of an established connection with this payload; a pure acknowledgement without.
    #[must_use]
    pub fn data(
        source: SocketAddr,
        destination: SocketAddr,
        sequence: u32,
        payload: impl Into<Vec<u8>>,
    ) -> Self {
        let payload = payload.into();
        let push = if payload.is_empty() { 0 } else { flags::PSH };
        Self {
            flags: flags::ACK | push,
            acknowledgement: 1,
            window: 502,
            options: LINUX_OPTIONS.to_vec(),
            payload,
            ..Self::syn(source, destination, sequence)
        }
    }

    /// With these flags.
    #[must_use]
    pub fn flags(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// With this acknowledgement number.
    #[must_use]
    pub fn acknowledging(self, acknowledgement: u32) -> Self {
        Self { acknowledgement, ..self }
    }

    /// With these TCP options.
    #[must_use]
    pub fn options(self, options: impl Into<Vec<u8>>) -> Self {
        Self { options: options.into(), ..self }
    }

    /// With these IPv4 options.
    #[must_use]
    pub fn ip_options(self, ip_options: impl Into<Vec<u8>>) -> Self {
        Self { ip_options: ip_options.into(), ..self }
    }

    /// With one more IPv6 extension header: its number and the bytes behind its first two.
    #[must_use]
    pub fn extension(mut self, number: u8, content: impl Into<Vec<u8>>) -> Self {
        self.extensions.push((number, content.into()));
        self
    }

    /// With one more VLAN tag, inside those that are there.
    #[must_use]
    pub fn tag(mut self, ethertype: u16, tci: u16) -> Self {
        self.tags.push((ethertype, tci));
        self
    }

    /// Without a link header.
    #[must_use]
    pub fn raw(self) -> Self {
        Self { link: Link::Raw, ..self }
    }

    /// The whole frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        self.link_header(self.datagram(&self.segment(), None))
    }

    /// The frame cut into IP fragments behind these offsets of the IP payload (multiples of
    /// eight), in order.
    #[must_use]
    pub fn fragments(&self, cuts: &[usize]) -> Vec<Vec<u8>> {
        let segment = self.segment();
        let ends = cuts.iter().copied().chain([segment.len()]);
        let mut start: usize = 0;
        ends.map(|end| {
            assert!(
                start.is_multiple_of(8) && start < end,
                "no cut for a fragment: {start} to {end}"
            );
            let more = end < segment.len();
            let fragment = self.datagram(&segment[start..end], Some((start, more)));
            start = end;
            self.link_header(fragment)
        })
        .collect()
    }

    /// The TCP header and payload.
    #[must_use]
    pub fn segment(&self) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(20 + self.options.len() + self.payload.len());
        tcp.extend(self.source.port().to_be_bytes());
        tcp.extend(self.destination.port().to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgement.to_be_bytes());
        assert!(self.options.len().is_multiple_of(4) && self.options.len() <= 40, "no TCP options");
        tcp.push(u8::try_from((20 + self.options.len()) / 4).unwrap_or_default() << 4);
        tcp.push(self.flags);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend(&self.options);
        tcp.extend(&self.payload);

        let mut pseudo = addresses(self.source.ip(), self.destination.ip());
        pseudo.extend(u32::try_from(tcp.len()).unwrap_or_default().to_be_bytes());
        pseudo.extend([0, 0, 0, PROTOCOL_TCP]);
        pseudo.extend(&tcp);
        let sum = checksum(&pseudo);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        tcp
    }

    /// Puts an IP header before `content`; `piece` is a fragment's offset and whether more follow.
    fn datagram(&self, content: &[u8], piece: Option<(usize, bool)>) -> Vec<u8> {
        match self.source.ip() {
            IpAddr::V4(_) => self.datagram_v4(content, piece),
            IpAddr::V6(_) => self.datagram_v6(content, piece),
        }
    }

    fn datagram_v4(&self, content: &[u8], piece: Option<(usize, bool)>) -> Vec<u8> {
        assert!(
            self.ip_options.len().is_multiple_of(4) && self.ip_options.len() <= 40,
            "no IP options"
        );
        let header = 20 + self.ip_options.len();
        let mut ip = vec![0x40 | u8::try_from(header / 4).unwrap_or_default(), 0];
        ip.extend(length(header + content.len()).to_be_bytes());
        ip.extend(self.id.to_be_bytes().into_iter().skip(2));
        let place = match piece {
            Some((offset, more)) => length(offset / 8) | if more { 0x2000 } else { 0 },
            None if self.df => 0x4000,
            None => 0,
        };
        ip.extend(place.to_be_bytes());
        ip.extend([self.ttl, PROTOCOL_TCP, 0, 0]);
        ip.extend(addresses(self.source.ip(), self.destination.ip()));
        ip.extend(&self.ip_options);
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        ip.extend(content);
        ip
    }

    fn datagram_v6(&self, content: &[u8], piece: Option<(usize, bool)>) -> Vec<u8> {
        let mut extensions = self.extensions.clone();
        if let Some((offset, more)) = piece {
            let mut header = (length(offset) | u16::from(more)).to_be_bytes().to_vec();
            header.extend(self.id.to_be_bytes());
            extensions.push((FRAGMENT_HEADER, header));
        }
        let mut next = extensions.iter().skip(1).map(|(number, _)| *number).chain([PROTOCOL_TCP]);
        let mut behind = Vec::new();
        for (number, bytes) in &extensions {
            assert_eq!((bytes.len() + 2) % 8, 0, "no IPv6 extension header");
            // The length counts units of eight bytes behind the first; a fragment header has none.
            let units = if *number == FRAGMENT_HEADER { 0 } else { bytes.len() / 8 };
            behind.push(next.next().unwrap_or(PROTOCOL_TCP));
            behind.push(u8::try_from(units).unwrap_or_default());
            behind.extend(bytes);
        }
        behind.extend(content);
        let first = extensions.first().map_or(PROTOCOL_TCP, |(number, _)| *number);
        let mut ip = vec![0x60, 0, 0, 0];
        ip.extend(length(behind.len()).to_be_bytes());
        ip.extend([first, self.ttl]);
        ip.extend(addresses(self.source.ip(), self.destination.ip()));
        ip.extend(behind);
        ip
    }

    fn link_header(&self, datagram: Vec<u8>) -> Vec<u8> {
        if self.link == Link::Raw {
            return datagram;
        }
        // Two locally administered addresses.
        let mut frame = vec![0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01];
        for (ethertype, tci) in &self.tags {
            frame.extend(ethertype.to_be_bytes());
            frame.extend(tci.to_be_bytes());
        }
        let ethertype: u16 = if self.source.is_ipv4() { 0x0800 } else { 0x86dd };
        frame.extend(ethertype.to_be_bytes());
        frame.extend(datagram);
        frame
    }
}

fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("an IP datagram of the tests fits 16 bits")
}

fn addresses(source: IpAddr, destination: IpAddr) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            [source.octets(), destination.octets()].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            [source.octets(), destination.octets()].concat()
        }
        _ => panic!("a packet's two addresses are of one family"),
    }
}

/// The Internet checksum, RFC 1071.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn checksums_of_a_finished_packet_are_zero() {
        for (source, destination) in
            [("192.0.2.1:1025", "192.0.2.2:443"), ("[2001:db8::1]:1025", "[2001:db8::2]:443")]
        {
            let packet = Packet::data(address(source), address(destination), 7, *b"odd").raw();
            let frame = packet.frame();
            if packet.source.is_ipv4() {
                assert_eq!(checksum(&frame[..20]), 0);
            }
            let segment = packet.segment();
            let mut pseudo = addresses(packet.source.ip(), packet.destination.ip());
            pseudo.extend(u32::try_from(segment.len()).unwrap().to_be_bytes());
            pseudo.extend([0, 0, 0, PROTOCOL_TCP]);
            pseudo.extend(segment);
            assert_eq!(checksum(&pseudo), 0);
        }
    }

    #[test]
    fn a_known_syn_has_its_known_bytes() {
        let packet = Packet::syn(address("10.0.0.1:40000"), address("10.0.0.2:443"), 1);
        let frame = packet.tag(CUSTOMER_TAG, 7).frame();
        assert_eq!(frame[12..20], [0x81, 0, 0, 7, 0x08, 0, 0x45, 0]);
        assert_eq!(frame[20..22], [0, 60], "total length");
        assert_eq!(frame[38..42], [0x9c, 0x40, 0x01, 0xbb], "ports");
        assert_eq!(frame.len(), 14 + 4 + 20 + 40);
    }

    #[test]
    fn fragments_hold_the_whole_payload() {
        for (source, destination, header) in [
            ("192.0.2.1:1025", "192.0.2.2:443", 20),
            ("[2001:db8::1]:1025", "[2001:db8::2]:443", 48),
        ] {
            let packet = Packet::data(address(source), address(destination), 7, [5; 100]).raw();
            let pieces = packet.fragments(&[8, 64]);
            let joined: Vec<u8> =
                pieces.iter().flat_map(|piece| piece[header..].to_vec()).collect();
            assert_eq!(joined, packet.segment());
            assert_eq!(pieces.len(), 3);
        }
    }
}
