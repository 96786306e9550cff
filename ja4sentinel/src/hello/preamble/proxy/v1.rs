//! Version 1: one line, `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, CR LF.

use std::net::IpAddr;

use super::{Addresses, Fault, Header};
use crate::wire::Endpoint;

/// Longest line in bytes, its line end included (section 2.1).
pub const MAX_LINE: usize = 107;

pub(super) const START: &[u8] = b"PROXY ";

/// Reads the header of a stream that begins with [`START`]; `None` when it is not complete.
pub(super) fn read(stream: &[u8]) -> Result<Option<Header>, Fault> {
    let window = stream.get(..MAX_LINE).unwrap_or(stream);
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if window.len() < MAX_LINE { Ok(None) } else { Err(Fault::LineTooLong) };
    };
    let text = window.get(START.len()..end).unwrap_or_default();
    let text = str::from_utf8(text).map_err(|_| Fault::BadAddress)?;
    let (family, rest) = text.split_once(' ').unwrap_or((text, ""));
    let addresses = match family {
        // Whatever follows is to be ignored.
        "UNKNOWN" => None,
        "TCP4" => Some(addresses(rest, IpAddr::is_ipv4).ok_or(Fault::BadAddress)?),
        "TCP6" => Some(addresses(rest, IpAddr::is_ipv6).ok_or(Fault::BadAddress)?),
        _ => return Err(Fault::UnknownFamily),
    };
    Ok(Some(Header { addresses, len: end + 2 }))
}

/// Two addresses of the family, two ports, one space between each, nothing else.
fn addresses(text: &str, family: impl Fn(&IpAddr) -> bool) -> Option<Addresses> {
    let mut words = text.split(' ');
    let mut addr = || words.next()?.parse().ok().filter(&family);
    let (source, destination) = (addr()?, addr()?);
    let mut port = || port(words.next()?);
    let ends = Addresses {
        source: Endpoint { addr: source, port: port()? },
        destination: Endpoint { addr: destination, port: port()? },
    };
    words.next().is_none().then_some(ends)
}

/// A decimal number without sign and leading zeros.
fn port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let padded = word.len() > 1 && word.starts_with('0');
    if digits && !padded { word.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::{Proxy, read};
    use super::*;

    fn found(line: &str) -> Header {
        match read(line.as_bytes()) {
            Proxy::Found(header) => header,
            other => panic!("{line:?}: {other:?}"),
        }
    }

    fn ends(line: &str) -> [String; 2] {
        let ends = found(line).addresses.expect("addresses");
        [ends.source, ends.destination].map(|end| format!("{} {}", end.addr, end.port))
    }

    #[test]
    fn both_families_give_the_real_ends() {
        assert_eq!(
            ends("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"),
            ["192.0.2.1 56324", "198.51.100.1 443"]
        );
        assert_eq!(
            ends("PROXY TCP6 2001:db8::1 ::ffff:198.51.100.1 0 65535\r\n\x16\x03"),
            ["2001:db8::1 0", "::ffff:198.51.100.1 65535"]
        );
    }

    #[test]
    fn unknown_names_no_ends_whatever_follows() {
        for line in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff 65535\r\n"] {
            assert_eq!(found(line), Header { addresses: None, len: line.len() });
        }
    }

    #[test]
    fn the_header_ends_behind_its_line() {
        let line = "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
        assert_eq!(found(&format!("{line}rest\r\n")).len, line.len());
    }

    #[test]
    fn every_broken_line_has_its_fault() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_LINE - 15));
        let cases = [
            ("PROXY TCP4 2001:db8::1 198.51.100.1 1 2\r\n", Fault::BadAddress),
            ("PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1  198.51.100.1 1 2\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n", Fault::BadAddress),
            ("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", Fault::BadAddress),
            ("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", Fault::UnknownFamily),
            (long.as_str(), Fault::LineTooLong),
        ];
        for (line, fault) in cases {
            assert_eq!(read(line.as_bytes()), Proxy::Malformed(fault), "{line:?}");
        }
    }

    #[test]
    fn the_longest_line_is_taken() {
        let line = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_LINE - 16));
        assert_eq!((line.len(), found(&line).len), (MAX_LINE, MAX_LINE));
    }
}
