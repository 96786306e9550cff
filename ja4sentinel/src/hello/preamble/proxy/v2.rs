//! Version 2: signature, version and command, family and transport, length; addresses; TLVs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Addresses, Fault, Header};
use crate::wire::Endpoint;

/// Longest header that is taken, in bytes. Addresses take 36 in IP; the rest are TLVs, the longest
/// of them a client certificate.
pub const MAX_HEADER: usize = 16 * 1024;

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes in front of the addresses.
const FIXED: usize = 16;

/// Type of the TLV that holds a CRC32c of the whole header (section 2.2.4).
const CRC32C: u8 = 0x03;

/// Reads the header of a stream that begins with [`SIGNATURE`]; `None` when it is not complete.
pub(super) fn read(stream: &[u8]) -> Result<Option<Header>, Fault> {
    let (command, family, len) = match *stream.get(SIGNATURE.len()..).unwrap_or_default() {
        [version, ..] if version >> 4 != 2 => return Err(Fault::BadVersion),
        [command, ..] if command & 0x0f > 1 => return Err(Fault::UnknownCommand),
        [command, family, high, low, ..] => {
            (command & 0x0f, family, FIXED + usize::from(u16::from_be_bytes([high, low])))
        }
        _ => return Ok(None),
    };
    if len > MAX_HEADER {
        return Err(Fault::TooLong);
    }
    let Some(header) = stream.get(..len) else { return Ok(None) };
    let content = header.get(FIXED..).unwrap_or_default();
    // LOCAL is the proxy itself, and whatever it declares is to be skipped.
    let (addresses, tlvs) =
        if command == 0 { (None, &[][..]) } else { addresses(family, content)? };
    check(tlvs, header)?;
    Ok(Some(Header { addresses, len }))
}

/// The ends that are named, and what follows them.
fn addresses(family: u8, content: &[u8]) -> Result<(Option<Addresses>, &[u8]), Fault> {
    /// Lengths of two addresses and two ports; of two paths of UNIX sockets.
    const INET: usize = 12;
    const INET6: usize = 36;
    const UNIX: usize = 216;
    match family {
        // Unspecified: whatever follows is to be ignored.
        0x00 => Ok((None, &[])),
        0x11 | 0x12 => {
            let (ends, tlvs) = content.split_first_chunk::<INET>().ok_or(Fault::TooShort)?;
            Ok((ends_of::<4, _>(ends, Ipv4Addr::from_octets), tlvs))
        }
        0x21 | 0x22 => {
            let (ends, tlvs) = content.split_first_chunk::<INET6>().ok_or(Fault::TooShort)?;
            Ok((ends_of::<16, _>(ends, Ipv6Addr::from_octets), tlvs))
        }
        0x31 | 0x32 => {
            let (_, tlvs) = content.split_at_checked(UNIX).ok_or(Fault::TooShort)?;
            Ok((None, tlvs))
        }
        _ => Err(Fault::UnknownTransport),
    }
}

/// Source and destination address of `N` bytes, source and destination port.
fn ends_of<const N: usize, A: Into<IpAddr>>(
    bytes: &[u8],
    addr: impl Fn([u8; N]) -> A,
) -> Option<Addresses> {
    let (source, rest) = bytes.split_first_chunk::<N>()?;
    let (destination, rest) = rest.split_first_chunk::<N>()?;
    let ([a, b], rest) = rest.split_first_chunk::<2>()?;
    let ([c, d], _) = rest.split_first_chunk::<2>()?;
    Some(Addresses {
        source: Endpoint { addr: addr(*source).into(), port: u16::from_be_bytes([*a, *b]) },
        destination: Endpoint {
            addr: addr(*destination).into(),
            port: u16::from_be_bytes([*c, *d]),
        },
    })
}

/// Walks the TLVs, and compares the checksum when they hold one.
fn check(mut tlvs: &[u8], header: &[u8]) -> Result<(), Fault> {
    let mut checksum = None;
    while let Some(([kind, high, low], rest)) = tlvs.split_first_chunk::<3>() {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(len).ok_or(Fault::BrokenTlv)?;
        if *kind == CRC32C {
            let declared = u32::from_be_bytes(value.try_into().map_err(|_| Fault::BrokenTlv)?);
            checksum = Some((declared, header.len() - rest.len()));
        }
        tlvs = rest;
    }
    if !tlvs.is_empty() {
        return Err(Fault::BrokenTlv);
    }
    // It is computed with its own four bytes set to zero.
    let is_right = checksum.is_none_or(|(declared, end)| {
        let field = end - 4..end;
        let zeroed = header.iter().enumerate();
        let zeroed = zeroed.map(|(at, byte)| if field.contains(&at) { 0 } else { *byte });
        crc32c(zeroed) == declared
    });
    if is_right { Ok(()) } else { Err(Fault::BadChecksum) }
}

/// CRC-32C (RFC 3720 appendix B.4), bit by bit: headers are short and seldom have one.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let crc = bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 }
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use super::super::{Proxy, read};
    use super::*;

    fn header(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([command, family]);
        header.extend((content.len() as u16).to_be_bytes());
        header.extend(content);
        header
    }

    const ENDS: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb];

    fn end(addr: &str, port: u16) -> Endpoint {
        Endpoint { addr: addr.parse().unwrap(), port }
    }

    #[test]
    fn ipv4_gives_the_real_ends() {
        let mut stream = header(0x21, 0x11, &ENDS);
        let len = stream.len();
        stream.extend([22, 3, 1]);
        let source = end("192.0.2.1", 56324);
        let destination = end("198.51.100.1", 443);
        let addresses = Some(Addresses { source, destination });
        assert_eq!(read(&stream), Proxy::Found(Header { addresses, len }));
    }

    #[test]
    fn ipv6_gives_the_real_ends_and_tlvs_are_passed_over() {
        let mut content = [0; 36];
        content[0] = 0x20;
        content[1] = 0x01;
        content[31] = 1;
        content[33] = 7;
        let mut content = content.to_vec();
        content.extend([0x04, 0, 1, 0]);
        let stream = header(0x21, 0x21, &content);
        let source = end("2001::", 7);
        let addresses = Some(Addresses { source, destination: end("::1", 0) });
        assert_eq!(read(&stream), Proxy::Found(Header { addresses, len: stream.len() }));
    }

    #[test]
    fn local_unspecified_and_unix_name_no_ends() {
        for stream in [
            header(0x20, 0x11, &ENDS),
            header(0x20, 0xff, b"anything"),
            header(0x21, 0x00, b"anything"),
            header(0x21, 0x31, &[0; 216]),
        ] {
            let none = Header { addresses: None, len: stream.len() };
            assert_eq!(read(&stream), Proxy::Found(none));
        }
    }

    #[test]
    fn every_broken_header_has_its_fault() {
        let with = |tlvs: &[u8]| header(0x21, 0x11, &[&ENDS[..], tlvs].concat());
        let cases = [
            (header(0x11, 0x11, &ENDS), Fault::BadVersion),
            (header(0x22, 0x11, &ENDS), Fault::UnknownCommand),
            (header(0x21, 0x13, &ENDS), Fault::UnknownTransport),
            (header(0x21, 0x41, &ENDS), Fault::UnknownTransport),
            (header(0x21, 0x11, &ENDS[..11]), Fault::TooShort),
            (header(0x21, 0x21, &ENDS), Fault::TooShort),
            (header(0x21, 0x31, &ENDS), Fault::TooShort),
            (header(0x21, 0x11, &[0; MAX_HEADER]), Fault::TooLong),
            (with(&[0x04]), Fault::BrokenTlv),
            (with(&[0x04, 0, 2, 0]), Fault::BrokenTlv),
            (with(&[CRC32C, 0, 1, 0]), Fault::BrokenTlv),
            (with(&[CRC32C, 0, 4, 0, 0, 0, 0]), Fault::BadChecksum),
        ];
        for (stream, fault) in cases {
            assert_eq!(read(&stream), Proxy::Malformed(fault), "{stream:02x?}");
        }
    }

    #[test]
    fn a_right_checksum_is_accepted() {
        // What HAProxy 2.6 sends with the options crc32c and unique-id, from ::1 to ::1.
        let haproxy = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x3a\
            \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\xcf\x3c\x46\xa3\
            \x03\0\x04\x1b\xd6\x67\xb8\x05\0\x0c::1:53052_--";
        assert!(matches!(read(haproxy), Proxy::Found(header) if header.len == haproxy.len()));
        // The check value of CRC-32C in the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
        let mut stream = header(0x21, 0x11, &[&ENDS[..], &[CRC32C, 0, 4, 0, 0, 0, 0]].concat());
        let crc = crc32c(stream.iter().copied());
        let end = stream.len();
        stream[end - 4..].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(read(&stream), Proxy::Found(_)));
    }
}
