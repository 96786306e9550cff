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

/// Feeds the hasher once: a derived implementation makes a dozen small writes, which is what costs
/// with the keyed hash of the standard library.
impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u32::from(self.client.port) << 16 | u32::from(self.server.port);
        match (self.client.addr, self.server.addr) {
            (IpAddr::V4(client), IpAddr::V4(server)) => {
                let words = [client.to_bits(), server.to_bits(), ports];
                state.write(words.map(u32::to_ne_bytes).as_flattened());
            }
            (client, server) => {
                let words = [wide(client), wide(server), ports.into()];
                state.write(words.map(u128::to_ne_bytes).as_flattened());
            }
        }
    }
}

fn wide(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits().into(),
        IpAddr::V6(addr) => addr.to_bits(),
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
