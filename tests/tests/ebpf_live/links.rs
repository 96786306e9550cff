//! Link layers that only a real interface has.

use std::io::Write;
use std::net::SocketAddr;

use ja4sentinel::wire::LinkType;
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet, SERVICE_TAG};
use ja4sentinel_tests::injection::{Injector, tun};
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4,
};

use crate::support::{drain, hello, open};

#[test]
fn tags_that_the_kernel_took_out_of_the_bytes_are_known() {
    let lab = Lab::new(&Link::default()).unwrap();
    // Tags of a frame, and the VLANs that they make.
    type Row = (&'static [(u16, u16)], &'static [u16]);
    let rows: [Row; 4] = [
        (&[(CUSTOMER_TAG, 7)], &[7]),
        (&[(SERVICE_TAG, 5), (CUSTOMER_TAG, 0x6007)], &[5, 7]),
        (&[(CUSTOMER_TAG, 0xe000)], &[]),
        (&[], &[]),
    ];
    for (number, (tags, vlans)) in (0..).zip(rows) {
        let (client, server) = (end(CLIENT_V4.into(), 40000 + number), end(SERVER_V4.into(), 443));
        let tag = |packet: Packet| {
            tags.iter().fold(packet, |packet, (kind, tci)| packet.tag(*kind, *tci)).frame()
        };
        let frames = [
            tag(Packet::syn(client, server, 100)),
            tag(Packet::data(client, server, 101, hello(500))),
        ];
        let arrived = lab
            .server
            .inside(|| {
                let mut source = open(&[SERVER_INTERFACE], [443]);
                inject(&lab, &frames);
                drain(&mut source)
            })
            .unwrap();
        let [syn, data] = &arrived[..] else { panic!("{arrived:?}") };
        assert_eq!((&syn.vlan[..], &data.vlan[..]), (vlans, vlans));
        assert_eq!((syn.tag_beside, data.tag_beside), (!tags.is_empty(), !tags.is_empty()));
        assert_eq!(data.payload, hello(500));
    }
}

/// Sends frames from the client's side.
fn inject(lab: &Lab, frames: &[Vec<u8>]) {
    lab.client
        .inside(|| {
            let injector = Injector::open(CLIENT_INTERFACE).unwrap();
            frames.iter().for_each(|frame| injector.send(frame).unwrap());
        })
        .unwrap();
}

fn end(address: std::net::IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}

#[test]
fn an_interface_without_link_header_is_read_as_well() {
    let lab = Lab::new(&Link::default()).unwrap();
    let arrived = lab
        .server
        .inside(|| {
            let mut into = tun("tun0").unwrap();
            lab.server.run("ip", &["link", "set", "tun0", "up"]).unwrap();
            let mut source = open(&["tun0"], [443]);
            let (client, server) =
                ("10.9.9.1:40000".parse().unwrap(), "10.9.9.2:443".parse().unwrap());
            let syn = Packet::syn(client, server, 100).raw();
            let data = Packet::data(client, server, 101, hello(500));
            into.write_all(&syn.frame()).unwrap();
            into.write_all(&data.raw().frame()).unwrap();
            drain(&mut source)
        })
        .unwrap();
    let [syn, data] = &arrived[..] else { panic!("{arrived:?}") };
    assert!(syn.syn && syn.link == LinkType::RAW);
    assert_eq!(data.payload, hello(500));
}
