//! What the classifier costs a server: nanoseconds a packet, as the kernel measures them
//! (`BPF_PROG_TEST_RUN`), for the kinds of packets that a server gets most of. Needs root.
//!
//! One line a kind: nanoseconds, a tab, the kind. The kernel's own loop around the program is in
//! the figures, with some 10 ns. `JA4SENTINEL_BPF_OBJECT` names another build of the program.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::net::SocketAddr;

use anyhow::Result;
use ja4sentinel::capture::ebpf::{EbpfSource, OBJECT, Options, PROGRAMS};
use ja4sentinel::sensor::PortSet;
use ja4sentinel_tests::frames::Packet;

/// Runs of each kind.
const RUNS: u32 = 1_000_000;

fn main() -> Result<()> {
    let object = std::env::var_os("JA4SENTINEL_BPF_OBJECT").map(std::fs::read).transpose()?;
    let object = object.as_deref().unwrap_or(OBJECT);
    let mut source = EbpfSource::open_object(object, &Options::default())?;
    source.set_ports(&PortSet::from_iter([443]))?;

    let ends = |client: &str, server: &str| -> Result<(SocketAddr, SocketAddr)> {
        Ok((client.parse()?, server.parse()?))
    };
    let (client, server) = ends("10.0.0.1:40000", "10.0.0.2:443")?;
    let (client6, server6) = ends("[2001:db8::1]:40000", "[2001:db8::2]:443")?;
    let (stranger, other_port) = ends("10.0.0.9:40000", "10.0.0.2:80")?;
    let hello = [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[0; 506]].concat();
    let [syn, hello, bulk] = [
        Packet::syn(client, server, 100),
        Packet::data(client, server, 101, hello),
        Packet::data(client, server, 618, vec![0x17; 1400]).acknowledging(5000),
    ];
    // This connection's hello is over.
    for packet in [&syn, &hello, &bulk] {
        source.rehearse(PROGRAMS[0], &packet.frame(), 1)?;
    }
    let mut udp = Packet::data(client, server, 1, [0; 1200]).frame();
    if let Some(protocol) = udp.get_mut(23) {
        *protocol = 17;
    }
    for (kind, frame) in [
        ("UDP", udp),
        ("TCP to another port", Packet::data(client, other_port, 1, [0; 1400]).frame()),
        ("acknowledgement", Packet::data(client, server, 1, []).frame()),
        ("acknowledgement, IPv6", Packet::data(client6, server6, 1, []).frame()),
        ("data after the hello", bulk.frame()),
        ("data of an unknown connection", Packet::data(stranger, server, 1, [9; 1400]).frame()),
        ("SYN, repeated", syn.frame()),
    ] {
        let ran = source.rehearse(PROGRAMS[0], &frame, RUNS)?;
        println!("{}\t{kind}", ran.each.as_nanos());
    }
    Ok(())
}
