//! Tunnels that the kernel itself ends: interfaces without Ethernet headers.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use ja4sentinel::capture;
use ja4sentinel_tests::unnamed::set_up;

use crate::site::{CLIENT_PLAIN, PLAIN, Site};
use crate::wireguard::{self, ALICE, BOB, Keys};
use crate::{kernel, rtnl};

/// Where WireGuard listens, at both ends.
const WIREGUARD_PORT: u16 = 51820;

/// A kind of tunnel, by the kernel's name for its module; the interface at either end has it too.
pub(crate) struct Tunnel {
    pub(crate) name: &'static str,
    /// The server's addresses in it; the client's have the next number.
    pub(crate) addresses: &'static [&'static str],
    client: &'static [&'static str],
    make: fn(&End) -> io::Result<()>,
    /// The first version that shows traffic control the inner packet alone. Before, the outer headers stand
    /// before it like one long link header, which the kernel program does not read.
    bare_since: (u32, u32),
}

pub(crate) const TUNNELS: [Tunnel; 2] = [
    Tunnel {
        name: "ipip",
        addresses: &["203.0.113.1"],
        client: &["203.0.113.2"],
        make: |end| rtnl::ipip("ipip", end.here, end.there),
        bare_since: (5, 14),
    },
    Tunnel {
        name: "wireguard",
        addresses: &["203.0.113.1", "fd4c::1"],
        client: &["203.0.113.2", "fd4c::2"],
        make: |end| {
            rtnl::wireguard("wireguard")?;
            let there = SocketAddr::new(end.there, WIREGUARD_PORT);
            wireguard::set_up("wireguard", end.own, WIREGUARD_PORT, end.peer, there)
        },
        // As old as it is.
        bare_since: (5, 6),
    },
];

/// What one end of a tunnel is told.
struct End {
    here: IpAddr,
    there: IpAddr,
    own: &'static Keys,
    peer: &'static Keys,
}

impl Tunnel {
    /// Whether this kernel has it, as the machine was told.
    pub(crate) fn is_there(&self) -> bool {
        let there = std::env::var("JA4SENTINEL_KERNEL_TUNNELS").unwrap();
        there.split_whitespace().any(|name| name == self.name)
    }

    /// The backends that read it on this kernel.
    pub(crate) fn backends(&self) -> &'static [&'static str] {
        if kernel() < self.bare_since { &["pcap"] } else { &["ebpf", "pcap"] }
    }

    /// Whether the program for the kernel is not tried where it would see nothing, with the remedy.
    pub(crate) fn is_refused(&self, site: &Site) {
        let readable = || {
            let there = capture::interfaces()?;
            let own =
                there.iter().find(|one| &*one.name == self.name).ok_or(ErrorKind::NotFound)?;
            io::Result::Ok(capture::ebpf::readable(own))
        };
        let refused = site.server.inside(readable).unwrap().unwrap().unwrap_err().to_string();
        assert!(refused.contains("--backend pcap"), "{refused}");
    }

    /// Joins the two ends of a site by it.
    pub(crate) fn dig(&self, site: &Site) -> io::Result<()> {
        let [server, client] = [PLAIN, CLIENT_PLAIN].map(|[v4, _]| v4.parse::<IpAddr>().unwrap());
        let at_server = End { here: server, there: client, own: &ALICE, peer: &BOB };
        let at_client = End { here: client, there: server, own: &BOB, peer: &ALICE };
        site.server.inside(|| self.make_end(&at_server, self.addresses)).unwrap()?;
        site.client.inside(|| self.make_end(&at_client, self.client)).unwrap()
    }

    fn make_end(&self, end: &End, addresses: &[&str]) -> io::Result<()> {
        (self.make)(end)?;
        set_up(self.name)?;
        addresses.iter().try_for_each(|one| rtnl::address(self.name, one.parse().unwrap()))
    }
}
