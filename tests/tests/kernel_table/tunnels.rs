//! Tunnels: what is inside is selected as if it came by itself, as deep as the agent asks for.

use ja4sentinel_common::Counter::{self, *};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet};

use crate::bench::{Event, Row, client4, client6, data, hello, syn};

/// A way of putting a packet into a tunnel.
type Wrap = fn(&Packet) -> Vec<u8>;

const TUNNELS: [(&str, Wrap); 14] = [
    ("IP in IPv4", |packet| outer(version(packet).0, &inner(packet))),
    ("IP in IPv6", |packet| outer6(version(packet).0, &inner(packet))),
    ("GRE", |packet| outer(47, &[&[0, 0][..], &version(packet).1, &inner(packet)].concat())),
    ("GRE over IPv6", |packet| {
        outer6(47, &[&[0, 0][..], &version(packet).1, &inner(packet)].concat())
    }),
    ("GRE with checksum, key and sequence number", |packet| {
        let header = [&[0xb0, 0][..], &version(packet).1, &[0; 12]].concat();
        outer(47, &[header, inner(packet)].concat())
    }),
    ("Ethernet in GRE", |packet| outer(47, &[&[0, 0, 0x65, 0x58][..], &packet.frame()].concat())),
    ("ERSPAN I", |packet| outer(47, &[&[0, 0, 0x88, 0xbe][..], &packet.frame()].concat())),
    ("ERSPAN II", |packet| {
        let header = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0];
        outer(47, &[&header[..], &packet.frame()].concat())
    }),
    ("VXLAN", |packet| vxlan(&packet.frame())),
    ("VXLAN at Linux's port, with tags inside", |packet| {
        let tagged = packet.clone().tag(CUSTOMER_TAG, 9).tag(CUSTOMER_TAG, 8);
        udp(8472, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &tagged.frame()].concat())
    }),
    ("Geneve with options", |packet| {
        let header = [2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 0, 0, 0, 0];
        udp(6081, &[&header[..], &packet.frame()].concat())
    }),
    ("IP in Geneve", |packet| {
        let header = [&[0, 0][..], &version(packet).1, &[0, 0, 7, 0]].concat();
        udp(6081, &[header, inner(packet)].concat())
    }),
    ("GTP-U", |packet| {
        let length = u16::try_from(inner(packet).len()).unwrap().to_be_bytes();
        let header = [0x30, 0xff, length[0], length[1], 0, 0, 0, 1];
        udp(2152, &[&header[..], &inner(packet)].concat())
    }),
    ("GTP-U with an extension header", |packet| {
        let length = u16::try_from(inner(packet).len() + 8).unwrap().to_be_bytes();
        let header = [0x34, 0xff, length[0], length[1], 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0];
        udp(2152, &[&header[..], &inner(packet)].concat())
    }),
];

/// Every tunnel with both IP versions inside, alone and in VXLAN up to one deeper than `depth`; then
/// what is no tunnel that we read.
pub(crate) fn all(depth: u8) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, wrap) in TUNNELS {
        for client in [client4(), client6()] {
            let packets = [syn(client, 100), data(client, 101, hello(517))];
            let [syn, mut hello] = packets.each_ref().map(wrap);
            rows.push(row(name, syn, hello.clone(), depth >= 1));
            // A SYN in several tunnels may find no room, which is another row's affair.
            for around in 1..=depth {
                hello = vxlan(&hello);
                let (verdict, events) = match around < depth {
                    true => (HandedUp, vec![Event::whole(hello.clone())]),
                    false => (NotTcp, vec![]),
                };
                rows.push(Row::new(name).frame(hello.clone(), verdict, events));
            }
        }
    }
    let fragments = data(client4(), 101, hello(517)).fragments(&[80]);
    let fragments = fragments.iter().map(|fragment| vxlan(fragment));
    let row = fragments.fold(Row::new("fragments in VXLAN"), |row, frame| match depth {
        0 => row.frame(frame, NotTcp, vec![]),
        _ => row.frame(frame.clone(), HandedUp, vec![Event::whole(frame)]),
    });
    rows.push(row);
    let other: [(&str, Vec<u8>, Counter); 8] = [
        ("DNS", udp(53, &[0; 40]), NotTcp),
        ("UDP in VXLAN", vxlan(&udp(53, &[0; 40])), NotTcp),
        ("VXLAN without identifier", udp(4789, &[0; 60]), NotTcp),
        ("VXLAN cut off", udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0, 2, 0]), LinkRunt),
        ("GRE with routing", outer(47, &[0x40, 0, 8, 0, 0, 0, 0, 0]), NotTcp),
        ("GRE cut off", outer(47, &[0xb0, 0, 8, 0, 0, 0]), TunnelHeader),
        ("IPv6 instead of IPv4", outer(4, &inner(&data(client6(), 1, [1]))), IpVersion),
        ("ARP in VXLAN", vxlan(&arp()), NotIp),
    ];
    rows.extend(other.map(|(name, frame, verdict)| {
        Row::new(name).frame(frame, if depth == 0 { NotTcp } else { verdict }, vec![])
    }));
    rows
}

/// Frames of each form, to cut and to spoil.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    let inside = [data(client4(), 1, hello(40)), data(client6(), 1, hello(40))];
    TUNNELS.iter().flat_map(|(_, wrap)| inside.each_ref().map(wrap)).collect()
}

fn row(name: &'static str, syn: Vec<u8>, hello: Vec<u8>, inside: bool) -> Row {
    if !inside {
        return Row::new(name).frame(syn, NotTcp, vec![]).frame(hello, NotTcp, vec![]);
    }
    let events = vec![Event::whole(syn.clone()), Event::whole(hello.clone())];
    Row::new(name).frame(syn, SynKept, vec![]).frame(hello, HandedUp, events)
}

/// An IPv4 datagram of a protocol over Ethernet, between other ends than those inside.
fn outer(protocol: u8, content: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + content.len()).unwrap().to_be_bytes();
    let ip = [
        0x45, 0, total[0], total[1], 0, 9, 0x40, 0, 64, protocol, 0, 0, 172, 16, 0, 1, 172, 16, 0,
        2,
    ];
    [&[2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 8, 0][..], &ip, content].concat()
}

/// The same with IPv6.
fn outer6(protocol: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let ip = [0x60, 0, 0, 0, length[0], length[1], protocol, 64];
    let ends = [[0xfd; 16], [0xfc; 16]].concat();
    [&[2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 0x86, 0xdd][..], &ip, &ends, content].concat()
}

fn udp(port: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + content.len()).unwrap().to_be_bytes();
    let [high, low] = port.to_be_bytes();
    outer(17, &[&[0xc0, 0, high, low, length[0], length[1], 0, 0][..], content].concat())
}

fn vxlan(frame: &[u8]) -> Vec<u8> {
    udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], frame].concat())
}

fn inner(packet: &Packet) -> Vec<u8> {
    packet.clone().raw().frame()
}

/// The protocol number and the EtherType of the packet's IP version.
fn version(packet: &Packet) -> (u8, [u8; 2]) {
    if packet.source.is_ipv4() { (4, [8, 0]) } else { (41, [0x86, 0xdd]) }
}

fn arp() -> Vec<u8> {
    [&[0xff; 6][..], &[2, 0, 0, 0, 0, 1, 8, 6], &[0; 28]].concat()
}
