//! Frames built by hand: each function wraps `inner` in one more header.

use crate::wire::{Frame, LinkType};

/// What the innermost segment carries when a test does not care.
pub(super) const PAYLOAD: &[u8] = b"\x16\x03\x01 client bytes";

pub(super) const CLIENT_PORT: u16 = 40000;
pub(super) const SERVER_PORT: u16 = 443;
pub(super) const SEQUENCE: u32 = 1_000_000;
pub(super) const V4_CLIENT: [u8; 4] = [192, 0, 2, 1];
pub(super) const V4_SERVER: [u8; 4] = [192, 0, 2, 2];
pub(super) const V6_CLIENT: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub(super) const V6_SERVER: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// A frame that was captured whole.
pub(super) fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        timestamp_ns: 7,
        interface: 3,
        link,
        vlan: None,
        bytes,
        original_len: bytes.len() as u32,
        skipped_payload: 0,
        unverified: false,
    }
}

pub(super) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub(super) fn eth(kind: u16, inner: &[u8]) -> Vec<u8> {
    join(&[&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &kind.to_be_bytes(), inner])
}

/// A VLAN tag and what follows it, to stand behind an EtherType.
pub(super) fn tag(tci: u16, kind: u16, inner: &[u8]) -> Vec<u8> {
    join(&[&tci.to_be_bytes(), &kind.to_be_bytes(), inner])
}

pub(super) fn tcp_with(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let offset = (5 + options.len() / 4) as u8;
    join(&[
        &CLIENT_PORT.to_be_bytes(),
        &SERVER_PORT.to_be_bytes(),
        &SEQUENCE.to_be_bytes(),
        &[0; 4],
        &[offset << 4, flags],
        &64240u16.to_be_bytes(),
        &[0; 4],
        options,
        payload,
    ])
}

pub(super) fn tcp() -> Vec<u8> {
    tcp_with(0x18, &[], PAYLOAD)
}

/// `fragment` is the 16-bit field of flags and offset.
pub(super) fn ipv4_with(protocol: u8, fragment: u16, options: &[u8], inner: &[u8]) -> Vec<u8> {
    let header = 20 + options.len();
    join(&[
        &[0x40 | (header / 4) as u8, 0],
        &((header + inner.len()) as u16).to_be_bytes(),
        &0x1234u16.to_be_bytes(),
        &fragment.to_be_bytes(),
        &[57, protocol, 0, 0],
        &V4_CLIENT,
        &V4_SERVER,
        options,
        inner,
    ])
}

pub(super) fn ipv4(protocol: u8, inner: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, 0x4000, &[], inner)
}

pub(super) fn ipv6(next: u8, inner: &[u8]) -> Vec<u8> {
    join(&[
        &[0x60, 0, 0, 0],
        &(inner.len() as u16).to_be_bytes(),
        &[next, 61],
        &V6_CLIENT,
        &V6_SERVER,
        inner,
    ])
}

pub(super) fn udp(port: u16, inner: &[u8]) -> Vec<u8> {
    join(&[
        &50000u16.to_be_bytes(),
        &port.to_be_bytes(),
        &((inner.len() + 8) as u16).to_be_bytes(),
        &[0; 2],
        inner,
    ])
}

/// A whole TCP segment in IPv4.
pub(super) fn tcp4() -> Vec<u8> {
    ipv4(6, &tcp())
}

/// A whole TCP segment in IPv6.
pub(super) fn tcp6() -> Vec<u8> {
    ipv6(6, &tcp())
}

/// The one's complement sum of 16-bit words (RFC 1071), complemented.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0)));
    let sum = words.fold(0, |sum, word| (sum + word) % 0xffff);
    !(sum as u16)
}

/// A datagram of TCP with its checksums: the IPv4 header's, and the segment's.
pub(super) fn sealed(mut datagram: Vec<u8>) -> Vec<u8> {
    let (header, addresses) = if datagram[0] >> 4 == 4 { (20, 12..20) } else { (40, 8..40) };
    if header == 20 {
        let sum = checksum(&datagram[..20]);
        datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let segment = datagram[header..].to_vec();
    let pseudo = join(&[&datagram[addresses], &[0, 6], &(segment.len() as u16).to_be_bytes()]);
    let sum = checksum(&join(&[&pseudo, &segment]));
    datagram[header + 16..header + 18].copy_from_slice(&sum.to_be_bytes());
    datagram
}
