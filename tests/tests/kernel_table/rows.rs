//! Headers: what is looked at, in which forms, and what leaves at once.

use ja4sentinel_common::Counter::{self, *};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet, SERVICE_TAG, flags};

use crate::bench::{Event, PORT, Row, client4, client6, data, flagged, hello, server, syn};

pub(crate) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(leaving());
    rows.extend(families());
    rows.extend(link_layers());
    rows.extend(extension_headers());
    rows.extend(lengths());
    rows
}

/// SYN and hello, and what they look like above.
fn hello_after_syn(name: &'static str, change: impl Fn(Packet) -> Packet) -> Vec<Row> {
    [client4(), client6()]
        .into_iter()
        .map(|client| {
            let syn = change(syn(client, 100));
            let hello = change(data(client, 101, hello(517)));
            Row::new(name).quiet(&syn, SynKept).up_with(&syn, &hello)
        })
        .collect()
}

fn leaving() -> Vec<Row> {
    let to_other_port =
        |payload: Vec<u8>| Packet::data(client4(), server(client4(), PORT + 1), 1, payload);
    let mut arp = data(client4(), 1, hello(60)).frame();
    arp[12..14].copy_from_slice(&[8, 6]);
    let mut udp = data(client4(), 1, hello(60)).frame();
    udp[23] = 17;
    let mut icmp6 = data(client6(), 1, hello(60)).frame();
    icmp6[20] = 58;
    let from_port = Packet::data(server(client4(), PORT), client4(), 1, hello(600));
    vec![
        Row::new("other port, hello").quiet(&to_other_port(hello(517)), OtherPort),
        Row::new("other port, pure ACK").quiet(&to_other_port(Vec::new()), OtherPort),
        Row::new("other port, SYN")
            .quiet(&Packet::syn(client4(), server(client4(), PORT - 1), 1), OtherPort),
        Row::new("from the watched port").quiet(&from_port, OtherPort),
        Row::new("pure ACK").quiet(&data(client4(), 1, []), NoPayload),
        Row::new("pure ACK, IPv6").quiet(&data(client6(), 1, []), NoPayload),
        Row::new("SYN and ACK").quiet(&flagged(syn(client4(), 1), flags::SYN), NoPayload),
        Row::new("FIN of an unknown connection")
            .quiet(&flagged(data(client4(), 1, []), flags::FIN), NoPayload),
        Row::new("RST of an unknown connection")
            .quiet(&data(client4(), 1, []).flags(flags::RST), NoPayload),
        Row::new("SYN and RST")
            .quiet(&data(client4(), 1, []).flags(flags::SYN | flags::RST), NoPayload),
        Row::new("ARP").frame(arp, NotIp, vec![]).ethernet_only(),
        Row::new("UDP").frame(udp, NotTcp, vec![]),
        Row::new("ICMPv6").frame(icmp6, NotTcp, vec![]),
        Row::new("unknown connection, no hello")
            .quiet(&data(client4(), 1, *b"GET / HTTP/1.1\r\n"), UnknownConnection),
        Row::new("unknown connection, application data")
            .quiet(&data(client4(), 1, [0x17, 3, 3, 0, 100, 1, 2]), UnknownConnection),
    ]
}

fn families() -> Vec<Row> {
    let mut rows = hello_after_syn("hello after SYN", |packet| packet);
    rows.extend(hello_after_syn("no TCP options", |packet| packet.options([])));
    rows.extend(hello_after_syn("40 bytes of TCP options", |packet| packet.options([1; 40])));
    rows.extend(hello_after_syn("40 bytes of IP options", |packet| {
        if packet.source.is_ipv4() { packet.ip_options([1; 40]) } else { packet }
    }));
    rows
}

fn link_layers() -> Vec<Row> {
    let tagged = |tags: &'static [u16]| {
        move |packet: Packet| {
            tags.iter().zip(1..).fold(packet, |packet, (kind, tci)| packet.tag(*kind, tci))
        }
    };
    let tables = [
        hello_after_syn("VLAN", tagged(&[CUSTOMER_TAG])),
        hello_after_syn("QinQ", tagged(&[SERVICE_TAG, CUSTOMER_TAG])),
        hello_after_syn("old QinQ", tagged(&[0x9100, CUSTOMER_TAG])),
        hello_after_syn("four tags", tagged(&[SERVICE_TAG, 0x9200, CUSTOMER_TAG, CUSTOMER_TAG])),
        hello_after_syn("priority tag", |packet| packet.tag(CUSTOMER_TAG, 0xe000)),
    ];
    let mut rows: Vec<Row> = tables.into_iter().flatten().collect();
    let nine = [CUSTOMER_TAG; 9];
    let nine = nine.iter().fold(data(client4(), 1, hello(60)), |packet, kind| packet.tag(*kind, 5));
    rows.push(Row::new("nine tags").quiet(&nine, TooManyTags));
    for (client, nibble) in [(client4(), 0x0021_u16), (client6(), 0x0057)] {
        let datagram = |packet: &Packet| packet.clone().raw().frame();
        let pppoe = |packet: &Packet| {
            let inner = datagram(packet);
            let length = u16::try_from(inner.len() + 2).unwrap();
            let header = [&[0x11, 0, 0, 9][..], &length.to_be_bytes(), &nibble.to_be_bytes()];
            with_ethertype(0x8864, &[&header.concat()[..], &inner].concat())
        };
        let mpls = |packet: &Packet| {
            let labels = [[0, 0x10, 0x00, 64], [0, 0x20, 0x01, 64]].concat();
            with_ethertype(0x8847, &[&labels[..], &datagram(packet)].concat())
        };
        let packets = [syn(client, 100), data(client, 101, hello(517))];
        for (name, wrap) in [
            ("PPPoE", &pppoe as &dyn Fn(&Packet) -> Vec<u8>),
            ("two MPLS labels", &mpls as &dyn Fn(&Packet) -> Vec<u8>),
        ] {
            let [syn, hello] = packets.each_ref().map(wrap);
            rows.push(Row::new(name).frame(syn.clone(), SynKept, vec![]).frame(
                hello.clone(),
                HandedUp,
                vec![Event::whole(syn), Event::whole(hello)],
            ));
        }
    }
    rows.into_iter().map(Row::ethernet_only).collect()
}

fn with_ethertype(ethertype: u16, behind: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(behind);
    frame
}

fn extension_headers() -> Vec<Row> {
    // Each has room for padding options, which begin with 1 (PadN) and their length.
    let padding = |len: usize| {
        let mut bytes = vec![1, u8::try_from(len - 2).unwrap()];
        bytes.resize(len, 0);
        bytes
    };
    let v6 = |name: &'static str, change: &dyn Fn(Packet) -> Packet| {
        let (syn, hello) = (change(syn(client6(), 100)), change(data(client6(), 101, hello(517))));
        Row::new(name).quiet(&syn, SynKept).up_with(&syn, &hello)
    };
    let many = |count: usize| {
        move |packet: Packet| {
            (0..count).fold(packet, |packet, _| packet.extension(60, [1, 4, 0, 0, 0, 0]))
        }
    };
    let mut broken = data(client6(), 1, hello(60)).extension(0, padding(6)).frame();
    broken[55] = 250;
    let no_next = data(client6(), 1, []).extension(59, padding(6));
    let mut authenticated = data(client4(), 1, hello(100)).frame();
    // An authentication header of 16 bytes between IPv4 and TCP.
    authenticated[23] = 51;
    let header = [6, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0];
    authenticated.splice(34..34, header);
    let total = u16::try_from(authenticated.len() - 14).unwrap().to_be_bytes();
    authenticated[16..18].copy_from_slice(&total);
    vec![
        v6("hop-by-hop", &|packet| packet.extension(0, padding(6))),
        v6("hop-by-hop, routing, destination", &|packet| {
            packet
                .extension(0, padding(14))
                .extension(43, [253, 0, 0, 0, 0, 0])
                .extension(60, padding(22))
        }),
        v6("atomic fragment", &|packet| packet.extension(44, [0, 0, 0, 0, 0, 9])),
        v6("nine extension headers", &many(9)),
        Row::new("sixteen extension headers: the SYN has no room")
            .quiet(&many(16)(syn(client6(), 100)), SynTooLong)
            .up(&many(16)(data(client6(), 101, hello(517))))
            .tally(ConnectionsWithoutSyn, 1),
        Row::new("eighteen extension headers")
            .quiet(&many(18)(data(client6(), 1, hello(60))), TooManyExtensions),
        Row::new("extension header beyond the datagram").frame(broken, ExtensionLength, vec![]),
        Row::new("no next header").quiet(&no_next, NotTcp),
        Row::new("authentication header").frame(
            authenticated.clone(),
            HandedUp,
            vec![Event::whole(authenticated)],
        ),
    ]
}

/// Lengths that contradict each other, and padding.
fn lengths() -> Vec<Row> {
    let spoilt = |name: &'static str, at: usize, value: u8, verdict: Counter| {
        let mut frame = data(client4(), 1, hello(60)).frame();
        frame[at] = value;
        Row::new(name).frame(frame, verdict, vec![])
    };
    let mut beyond = data(client4(), 1, *b"four").frame();
    beyond[46] = 0xf0;
    let mut padded = data(client4(), 1, []).options([]).frame();
    padded.resize(60, 0);
    let mut offloaded = data(client4(), 101, hello(1200)).frame();
    offloaded[16..18].copy_from_slice(&[0, 0]);
    let mut jumbo = data(client6(), 101, hello(1200)).frame();
    jumbo[18..20].copy_from_slice(&[0, 0]);
    vec![
        Row::new("padding is no payload").frame(padded, NoPayload, vec![]),
        Row::new("no total length: to the end of the frame").frame(
            offloaded.clone(),
            HandedUp,
            vec![Event::whole(offloaded)],
        ),
        Row::new("no payload length: to the end of the frame").frame(
            jumbo.clone(),
            HandedUp,
            vec![Event::whole(jumbo)],
        ),
        spoilt("IP version 5", 14, 0x55, IpVersion),
        spoilt("IP header of 16 bytes", 14, 0x44, Ipv4HeaderLength),
        spoilt("total length below the header", 17, 19, Ipv4TotalLength),
        spoilt("TCP header of 16 bytes", 46, 0x40, TcpHeaderLength),
        Row::new("TCP header beyond the datagram").frame(beyond, TcpHeaderLength, vec![]),
    ]
}
