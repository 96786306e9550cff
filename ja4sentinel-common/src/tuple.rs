//! Which connection.

use core::net::{IpAddr, SocketAddr};

/// Addresses and ports of one direction of a connection, the client's end first.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Client address in network byte order; an IPv4 address is mapped (RFC 4291 section 2.5.5.2).
    pub source: [u32; 4],
    /// Server address, likewise.
    pub destination: [u32; 4],
    /// Both ports in network byte order, the client's first in memory.
    pub ports: u32,
}

impl Tuple {
    /// The third word of a mapped IPv4 address, in network byte order.
    pub const MAPPED: u32 = u32::from_ne_bytes([0, 0, 0xff, 0xff]);

    /// The tuple of a connection from `source` to `destination`.
    #[must_use]
    pub fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        let [a, b] = source.port().to_be_bytes();
        let [c, d] = destination.port().to_be_bytes();
        Self {
            source: words(source.ip()),
            destination: words(destination.ip()),
            ports: u32::from_ne_bytes([a, b, c, d]),
        }
    }
}

fn words(address: IpAddr) -> [u32; 4] {
    let octets = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    let (words, _) = octets.as_chunks::<4>();
    let mut tuple = [0; 4];
    for (place, word) in tuple.iter_mut().zip(words) {
        *place = u32::from_ne_bytes(*word);
    }
    tuple
}

#[cfg(feature = "user")]
// SAFETY: nine integers of one size, so no padding; every bit pattern is a value.
unsafe impl aya::Pod for Tuple {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_the_bytes_of_the_wire() {
        let tuple =
            Tuple::new("192.0.2.1:258".parse().unwrap(), "[2001:db8::2]:443".parse().unwrap());
        assert_eq!(tuple.source, [0, 0, Tuple::MAPPED, u32::from_ne_bytes([192, 0, 2, 1])]);
        assert_eq!(tuple.destination[0].to_ne_bytes(), [0x20, 0x01, 0x0d, 0xb8]);
        assert_eq!(tuple.ports.to_ne_bytes(), [1, 2, 1, 0xbb]);
    }
}
