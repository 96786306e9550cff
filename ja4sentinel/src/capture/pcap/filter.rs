//! The kernel's filter for the libpcap backend, in libpcap's filter language.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::sensor::PortSet;

/// Ranges of ports, and addresses, that are written out at most. Linux takes programs of 4,096
/// instructions, and a range costs about ten in all its places. What is more is left to the sensor.
const MAX_TERMS: usize = 64;

/// Length that a TCP segment leaves for payload, or a flag that begins or ends a connection: bare
/// acknowledgements, most of what a server receives, stay in the kernel. `tcp[…]` knows no IPv6.
const MORE_THAN_ACK_V4: &str =
    "(tcp[13] & 7 != 0 or ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) != 0)";
const MORE_THAN_ACK_V6: &str = "(ip6[53] & 7 != 0 or ip6[4:2] - ((ip6[52] & 0xf0) >> 2) != 0)";

/// Fragments of TCP, headers before TCP that the language cannot follow (IPv6 hop-by-hop,
/// routing, fragment, destination options; authentication): the sensor looks into them.
const WRAPPED: &str = "(ip[9] = 6 and ip[6:2] & 0x3fff != 0) or ip[9] = 51 or ip6[6] = 0 \
                       or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60";

/// IPIP, 6in4, GRE, VXLAN (also at Linux's old port) and Geneve.
const TUNNELS: &str = "ip[9] = 4 or ip[9] = 41 or ip[9] = 47 or ip6[6] = 4 or ip6[6] = 41 \
                       or ip6[6] = 47 or udp dst port 4789 or udp dst port 8472 \
                       or udp dst port 6081";

/// Frames whose IP header stands behind MPLS labels or PPPoE, where the language does not go on by
/// itself: rare enough on a server that the sensor may look into all of them.
const LABELLED: &str = "ether proto 0x8847 or ether proto 0x8848 or ether proto 0x8864";

/// What the kernel shall hand up.
pub(super) struct Wanted<'a> {
    /// Server ports.
    pub(super) ports: &'a PortSet,
    /// Addresses that connections must go to; `None` is any.
    pub(super) servers: Option<&'a BTreeSet<IpAddr>>,
    /// Whether tunnels are looked into.
    pub(super) tunnels: bool,
    /// A further condition.
    pub(super) condition: Option<&'a str>,
    /// Whether the link has room for VLAN tags: the language refuses them elsewhere.
    pub(super) ethernet: bool,
}

impl Wanted<'_> {
    /// As an expression.
    pub(super) fn expression(&self) -> String {
        // Fragments first: where a look into the TCP header ends outside of the packet, the kernel
        // refuses it there and then.
        let mut kinds = vec![
            WRAPPED.to_owned(),
            format!("(ip and tcp{} and {MORE_THAN_ACK_V4})", self.port_terms()),
            format!("(ip6 and tcp{} and {MORE_THAN_ACK_V6})", self.port_terms()),
        ];
        if self.tunnels {
            kinds.push(TUNNELS.to_owned());
        }
        let mut plain = format!("({})", kinds.join(" or "));
        if let Some(servers) = self.servers.filter(|servers| servers.len() <= MAX_TERMS) {
            plain = format!("({}) and {plain}", server_terms(servers));
        }
        if self.ethernet {
            plain = format!("{plain} or {LABELLED}");
            // Each `vlan` moves what follows it behind one more tag, so the order matters; the
            // condition comes first because it speaks of the frame as it is.
            plain = format!("(({plain}) or (vlan and (({plain}) or (vlan and ({plain})))))");
        }
        match self.condition {
            Some(condition) => format!("({condition}) and {plain}"),
            None => plain,
        }
    }

    fn port_terms(&self) -> String {
        let ranges = ranges(self.ports);
        let bounds = (ranges.first(), ranges.last());
        match (ranges.as_slice(), bounds) {
            ([(0 | 1, u16::MAX)], _) => String::new(),
            (many, (Some((low, _)), Some((_, high)))) if many.len() > MAX_TERMS => {
                format!(" and (dst portrange {low}-{high})")
            }
            (some, _) => {
                let terms: Vec<String> = some
                    .iter()
                    .map(|(low, high)| match low == high {
                        true => format!("dst port {low}"),
                        false => format!("dst portrange {low}-{high}"),
                    })
                    .collect();
                format!(" and ({})", terms.join(" or "))
            }
        }
    }
}

fn server_terms(servers: &BTreeSet<IpAddr>) -> String {
    let terms: Vec<String> = servers
        .iter()
        .map(|address| match address {
            // All of 127/8 is this machine, whatever the interface says.
            IpAddr::V4(address) if address.is_loopback() => "dst net 127.0.0.0/8".to_owned(),
            address => format!("dst host {address}"),
        })
        .collect();
    // A machine without any address has no connections.
    if terms.is_empty() { "dst host 0.0.0.0".to_owned() } else { terms.join(" or ") }
}

/// The ports of a set as ranges, ascending.
fn ranges(ports: &PortSet) -> Vec<(u16, u16)> {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in (0..=u16::MAX).filter(|port| ports.contains(*port)) {
        match ranges.last_mut() {
            Some((_, high)) if *high == port - 1 => *high = port,
            _ => ranges.push((port, port)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pcap::Expression;
    use crate::wire::{Frame, LinkType};

    fn wanted(ports: &PortSet) -> Wanted<'_> {
        Wanted { ports, servers: None, tunnels: false, condition: None, ethernet: true }
    }

    #[test]
    fn ports_become_ranges() {
        let mut ports: PortSet = (8000..=8010).collect();
        ports.insert(443);
        ports.insert(0);
        assert_eq!(ranges(&ports), [(0, 0), (443, 443), (8000, 8010)]);
        assert_eq!(wanted(&PortSet::any()).port_terms(), "");
        ports = [443, 8000, 8001].into_iter().collect();
        assert_eq!(wanted(&ports).port_terms(), " and (dst port 443 or dst portrange 8000-8001)");
        ports = (1..1000).filter(|port| port % 2 == 1).collect();
        assert_eq!(wanted(&ports).port_terms(), " and (dst portrange 1-999)");
    }

    #[test]
    fn servers_and_condition_come_before_the_tags() {
        let ports = [443].into_iter().collect();
        let servers = ["127.0.0.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        let all = Wanted {
            servers: Some(&servers),
            tunnels: true,
            condition: Some("not host 192.0.2.1"),
            ..wanted(&ports)
        };
        let text = all.expression();
        assert!(text.starts_with("(not host 192.0.2.1) and (("), "{text}");
        assert!(text.contains("(dst net 127.0.0.0/8 or dst host 2001:db8::1) and ("), "{text}");
        assert_eq!(text.matches("vlan").count(), 2);
        assert_eq!(text.matches("udp dst port 4789").count(), 3);
        Expression::new(&text).unwrap();
    }

    const SYN: u8 = 0x02;
    const ACK: u8 = 0x10;

    fn tcp(port: u16, flags: u8, payload: usize) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x39];
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x60, flags, 0xff, 0xff, 0, 0, 0, 0, 1, 1, 1, 1]);
        bytes.resize(24 + payload, 7);
        bytes
    }

    fn ipv4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend(u16::try_from(20 + payload.len()).unwrap().to_be_bytes());
        bytes.extend([0, 9]);
        bytes.extend(fragment.to_be_bytes());
        bytes.extend([64, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
        bytes.extend(payload);
        bytes
    }

    fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend([next, 64]);
        for last in [1, 2] {
            bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        bytes.extend(payload);
        bytes
    }

    /// Behind Ethernet addresses and so many VLAN tags.
    fn ethernet(tags: usize, packet: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        bytes.extend([0x81, 0x00, 0, 7].repeat(tags));
        bytes.extend(if packet[0] == 0x45 { [0x08, 0x00] } else { [0x86, 0xdd] });
        bytes.extend(packet);
        bytes
    }

    #[test]
    fn labelled_frames_pass_behind_any_number_of_tags() {
        let ports: PortSet = [443].into_iter().collect();
        for (ethertype, passed) in
            [(0x8847_u16, true), (0x8848, true), (0x8864, true), (0x0806, false)]
        {
            for tags in 0..=2 {
                let mut frame = ethernet(tags, &ipv4(6, 0x4000, &tcp(444, SYN, 0)));
                let place = 12 + 4 * tags;
                frame[place..place + 2].copy_from_slice(&ethertype.to_be_bytes());
                let seen = passes(&wanted(&ports), LinkType::ETHERNET, &frame);
                assert_eq!(seen, passed, "{ethertype:04x} behind {tags} tags");
            }
        }
    }

    fn passes(wanted: &Wanted<'_>, link: LinkType, bytes: &[u8]) -> bool {
        Expression::new(&wanted.expression()).unwrap().matches(&Frame {
            timestamp_ns: 0,
            interface: 1,
            link,
            vlan: None,
            bytes,
            original_len: 0,
            skipped_payload: 0,
            unverified: false,
        })
    }

    #[test]
    fn what_may_belong_to_a_hello_passes_and_the_rest_stays() {
        let ports: PortSet = [443].into_iter().chain(8000..9000).collect();
        let (hop_by_hop, fragment) = ([6, 0, 1, 4, 0, 0, 0, 0], [6, 0, 0, 1, 0, 0, 0, 9]);
        let behind = |header: &[u8], tcp: &[u8]| [header, tcp].concat();
        for (what, packet, passed) in [
            ("SYN", ipv4(6, 0x4000, &tcp(443, SYN, 0)), true),
            ("payload", ipv4(6, 0x4000, &tcp(8999, ACK, 100)), true),
            ("one byte", ipv4(6, 0x4000, &tcp(443, ACK, 1)), true),
            ("acknowledgement", ipv4(6, 0x4000, &tcp(443, ACK, 0)), false),
            ("end", ipv4(6, 0x4000, &tcp(443, ACK | 1, 0)), true),
            ("other port", ipv4(6, 0x4000, &tcp(444, SYN, 0)), false),
            ("first fragment", ipv4(6, 0x2000, &tcp(443, ACK, 100)), true),
            ("tiny first fragment", ipv4(6, 0x2000, &tcp(443, ACK, 100)[..8]), true),
            ("last fragment", ipv4(6, 0x0003, &[7; 100]), true),
            ("fragment of UDP", ipv4(17, 0x0003, &[7; 100]), false),
            ("IPv6 SYN", ipv6(6, &tcp(443, SYN, 0)), true),
            ("IPv6 payload", ipv6(6, &tcp(8000, ACK, 1)), true),
            ("IPv6 acknowledgement", ipv6(6, &tcp(443, ACK, 0)), false),
            ("IPv6 other port", ipv6(6, &tcp(80, ACK, 100)), false),
            ("hop-by-hop options", ipv6(0, &behind(&hop_by_hop, &tcp(443, SYN, 0))), true),
            ("IPv6 fragment", ipv6(44, &behind(&fragment, &tcp(443, SYN, 0))), true),
            ("UDP", ipv6(17, &[0x01, 0xbb, 0x01, 0xbb, 0, 8, 0, 0]), false),
        ] {
            let plain = Wanted { ethernet: false, ..wanted(&ports) };
            assert_eq!(passes(&plain, LinkType::RAW, &packet), passed, "{what}");
            for tags in 0..=2 {
                let frame = ethernet(tags, &packet);
                let seen = passes(&wanted(&ports), LinkType::ETHERNET, &frame);
                assert_eq!(seen, passed, "{what} behind {tags} tags");
            }
        }
    }

    #[test]
    fn servers_and_tunnels_are_told_apart() {
        let ports: PortSet = [443].into_iter().collect();
        let syn = ethernet(1, &ipv4(6, 0x4000, &tcp(443, SYN, 0)));
        for (address, passed) in [("192.0.2.2", true), ("192.0.2.1", false), ("::1", false)] {
            let servers = [address.parse().unwrap()].into();
            let here = Wanted { servers: Some(&servers), ..wanted(&ports) };
            assert_eq!(passes(&here, LinkType::ETHERNET, &syn), passed, "{address}");
        }
        let nobody = Wanted { servers: Some(&BTreeSet::new()), ..wanted(&ports) };
        assert!(!passes(&nobody, LinkType::ETHERNET, &syn));

        let vxlan = ethernet(0, &ipv4(17, 0x4000, &[9, 9, 0x12, 0xb5, 0, 8, 0, 0]));
        let gre = ethernet(0, &ipv6(47, &[0, 0, 0x08, 0]));
        for frame in [vxlan, gre] {
            assert!(!passes(&wanted(&ports), LinkType::ETHERNET, &frame));
            let tunnels = Wanted { tunnels: true, ..wanted(&ports) };
            assert!(passes(&tunnels, LinkType::ETHERNET, &frame));
        }
    }
}
