//! What tells connections apart.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::wire::Endpoint;

/// The client-to-server direction of a connection: both ends, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The end that opens the connection.
    pub client: Endpoint,
    /// The end with the watched port.
    pub server: Endpoint,
}

impl Key {
    /// The other direction of the same connection.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { client: self.server, server: self.client }
    }
}

/// Feeds the hasher a few wide words: a derived implementation makes a dozen small writes, which
/// is what costs with the keyed hash of the standard library.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [&self.client, &self.server] {
            match end.addr {
                IpAddr::V4(addr) => state.write_u32(addr.to_bits()),
                IpAddr::V6(addr) => state.write_u128(addr.to_bits()),
            }
        }
        state.write_u32(u32::from(self.client.port) << 16 | u32::from(self.server.port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_differ_and_reverse_into_each_other() {
        let key = Key {
            client: Endpoint { addr: IpAddr::from([10, 0, 0, 1]), port: 1000 },
            server: Endpoint { addr: IpAddr::from([10, 0, 0, 2]), port: 443 },
        };
        assert_ne!(key, key.reversed());
        assert_eq!(key, key.reversed().reversed());
    }
}
