//! The two ends of a connection, and what its packets are wrapped in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::random::Random;

/// Clients of one address block; after that many connections they come back with other ports.
const CLIENTS: u64 = 60_000;

/// A prime: neighbours among clients get ports that lie far apart.
const PORT_STEP: u64 = 9_973;

/// What stands around a connection's TCP segments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrapping {
    Plain,
    Vlan,
    QinQ,
    Ipv4Options,
    Ipv6HopByHop,
    /// Segments of more than 256 bytes come as two IPv4 fragments.
    Ipv4Fragments,
}

/// One connection's addresses.
#[derive(Clone)]
pub(super) struct Flow {
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    pub(super) client_port: u16,
    pub(super) server_port: u16,
    pub(super) wrapping: Wrapping,
}

impl Flow {
    /// The `index`th connection: a client of `block` and a port that no other connection of it has.
    pub(super) fn new(index: u64, block: u8, is_ipv6: bool, random: &mut Random) -> Self {
        let client = index % CLIENTS;
        let round = index / CLIENTS;
        let offset = (round * PORT_STEP + client * 7_919 % PORT_STEP) % 64_000;
        let client = u32::try_from(client).unwrap_or_default();
        let server = u8::try_from(random.below(64)).unwrap_or_default() + 1;
        let (client, server): (IpAddr, IpAddr) = if is_ipv6 {
            let [_, _, high, low] = (client + 1).to_be_bytes().map(u16::from);
            let block = u16::from(block) << 8;
            (
                Ipv6Addr::new(0x2001, 0xdb8, block, 0, 0, 0, 0, high << 8 | low).into(),
                Ipv6Addr::new(0x2001, 0xdb8, 0xff00, 0, 0, 0, 0, server.into()).into(),
            )
        } else {
            let [_, _, high, low] = client.to_be_bytes();
            (Ipv4Addr::new(10, block, high, low).into(), Ipv4Addr::new(192, 0, 2, server).into())
        };
        Self {
            client,
            server,
            client_port: u16::try_from(1024 + offset).unwrap_or(u16::MAX),
            server_port: 443,
            wrapping: Wrapping::Plain,
        }
    }

    /// Payload of a full segment, bytes.
    pub(super) fn segment_size(&self) -> usize {
        if self.client.is_ipv6() { 1428 } else { 1448 }
    }
}
