//! TCP segments in Ethernet frames.

use std::net::IpAddr;

use super::encode::length;
use super::flow::{Flow, Wrapping};

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Bytes of a TCP segment in the first of two fragments, and the least that is fragmented.
const FIRST_FRAGMENT: usize = 200;
const FRAGMENTED_FROM: usize = 257;

/// Flags and offset, in eights, of an IPv4 header.
const WHOLE: u16 = 0x4000; // don't fragment
const MORE_FRAGMENTS: u16 = 0x2000;
const SECOND_FRAGMENT: u16 = 25;

/// The "router alert" option (RFC 2113), and an IPv6 hop-by-hop header of padding.
const IPV4_OPTION: [u8; 4] = [0x94, 4, 0, 0];
const HOP_BY_HOP: [u8; 8] = [TCP, 0, 1, 4, 0, 0, 0, 0];

const TCP: u8 = 6;
const HOPS: u8 = 64;

/// One end's segment.
pub(super) struct Segment<'a> {
    pub(super) from_client: bool,
    pub(super) sequence: u32,
    /// Written where the flags have ACK.
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) payload: &'a [u8],
    /// The timestamp option's value.
    pub(super) clock: u32,
}

impl Segment<'_> {
    /// The frame that carries it on `flow`, or two where that is fragmented.
    pub(super) fn frames(&self, flow: &Flow) -> Vec<Vec<u8>> {
        let (source, destination) = match self.from_client {
            true => (flow.client, flow.server),
            false => (flow.server, flow.client),
        };
        let tcp = self.tcp(flow, source, destination);
        let link = self.link(flow);
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else {
            return vec![ipv6(link, flow, source, destination, &tcp)];
        };
        let [a, b, c, d] = self.sequence.to_be_bytes();
        let header = Ipv4 {
            id: [a ^ c, b ^ d],
            source: source.octets(),
            destination: destination.octets(),
            options: if flow.wrapping == Wrapping::Ipv4Options { &IPV4_OPTION } else { &[] },
        };
        if flow.wrapping == Wrapping::Ipv4Fragments && tcp.len() >= FRAGMENTED_FROM {
            let (first, second) = tcp.split_at(FIRST_FRAGMENT);
            let first = header.before(MORE_FRAGMENTS, first);
            let second = header.before(SECOND_FRAGMENT, second);
            return vec![[link.clone(), first].concat(), [link, second].concat()];
        }
        let mut frame = link;
        frame.reserve_exact(tcp.len() + 24);
        frame.extend(header.bytes(WHOLE, tcp.len()));
        frame.extend(tcp);
        vec![frame]
    }

    fn link(&self, flow: &Flow) -> Vec<u8> {
        let mut link = match self.from_client {
            true => [SERVER_MAC, CLIENT_MAC].concat(),
            false => [CLIENT_MAC, SERVER_MAC].concat(),
        };
        match flow.wrapping {
            Wrapping::Vlan => link.extend([0x81, 0x00, 0, 100]),
            Wrapping::QinQ => link.extend([0x88, 0xa8, 0, 200, 0x81, 0x00, 0, 100]),
            _ => {}
        }
        link.extend(if flow.client.is_ipv6() { [0x86, 0xdd] } else { [0x08, 0x00] });
        link
    }

    fn tcp(&self, flow: &Flow, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let options = self.options(flow);
        let (source_port, destination_port) = match self.from_client {
            true => (flow.client_port, flow.server_port),
            false => (flow.server_port, flow.client_port),
        };
        let acknowledgement = if self.flags & ACK == 0 { 0 } else { self.acknowledgement };
        let words = u8::try_from((20 + options.len()) / 4).unwrap_or(u8::MAX);
        let mut before = Vec::with_capacity(16);
        before.extend(source_port.to_be_bytes());
        before.extend(destination_port.to_be_bytes());
        before.extend(self.sequence.to_be_bytes());
        before.extend(acknowledgement.to_be_bytes());
        before.extend([words << 4, self.flags]);
        before.extend(64_240_u16.to_be_bytes());
        let urgent = [0, 0];

        let size = before.len() + 4 + options.len() + self.payload.len();
        let mut sum = Sum(u64::from(TCP) + size as u64);
        sum.address(source);
        sum.address(destination);
        sum.add(&before);
        sum.add(&options);
        sum.add(self.payload);
        let mut tcp = Vec::with_capacity(size);
        tcp.extend(before);
        tcp.extend(sum.checksum());
        tcp.extend(urgent);
        tcp.extend(options);
        tcp.extend(self.payload);
        tcp
    }

    /// A SYN's options are those of Linux; other segments carry a timestamp, resets nothing.
    fn options(&self, flow: &Flow) -> Vec<u8> {
        let mut options = Vec::with_capacity(20);
        if self.flags & SYN != 0 {
            let largest: u16 = if flow.client.is_ipv6() { 1440 } else { 1460 };
            options.extend([2, 4]);
            options.extend(largest.to_be_bytes());
            options.extend([4, 2, 8, 10]);
            options.extend(self.clock.to_be_bytes());
            options.extend([0, 0, 0, 0, 1, 3, 3, 7]);
        } else if self.flags & RST == 0 {
            options.extend([1, 1, 8, 10]);
            options.extend(self.clock.to_be_bytes());
            options.extend((self.clock ^ 0x5555).to_be_bytes());
        }
        options
    }
}

struct Ipv4<'a> {
    id: [u8; 2],
    source: [u8; 4],
    destination: [u8; 4],
    options: &'a [u8],
}

impl Ipv4<'_> {
    fn before(&self, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = self.bytes(fragment, payload.len());
        packet.extend(payload);
        packet
    }

    fn bytes(&self, fragment: u16, payload: usize) -> Vec<u8> {
        let size = 20 + self.options.len();
        let words = u8::try_from(size / 4).unwrap_or(u8::MAX);
        let mut first = vec![0x40 | words, 0];
        first.extend(length(size + payload));
        first.extend(self.id);
        first.extend(fragment.to_be_bytes());
        first.extend([HOPS, TCP]);
        let last = [&self.source, &self.destination, self.options].concat();
        let mut sum = Sum(0);
        sum.add(&first);
        sum.add(&last);
        first.extend(sum.checksum());
        first.extend(last);
        first
    }
}

fn ipv6(link: Vec<u8>, flow: &Flow, source: IpAddr, destination: IpAddr, tcp: &[u8]) -> Vec<u8> {
    let (next, extension): (u8, &[u8]) = match flow.wrapping {
        Wrapping::Ipv6HopByHop => (0, &HOP_BY_HOP),
        _ => (TCP, &[]),
    };
    let mut frame = link;
    frame.reserve_exact(40 + extension.len() + tcp.len());
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length(extension.len() + tcp.len()));
    frame.extend([next, HOPS]);
    for address in [source, destination] {
        if let IpAddr::V6(address) = address {
            frame.extend(address.octets());
        }
    }
    frame.extend(extension);
    frame.extend(tcp);
    frame
}

/// The Internet checksum (RFC 1071), over parts of an even length but for the last.
struct Sum(u64);

impl Sum {
    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.add(&address.octets()),
            IpAddr::V6(address) => self.add(&address.octets()),
        }
    }

    fn add(&mut self, part: &[u8]) {
        // Any multiple of its sixteen bits gives the same sum in the end.
        let (words, rest) = part.as_chunks::<4>();
        self.0 += words.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum::<u64>();
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.0 += u64::from(u32::from_be_bytes(last));
    }

    fn checksum(&self) -> [u8; 2] {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (!u16::try_from(sum).unwrap_or_default()).to_be_bytes()
    }
}
