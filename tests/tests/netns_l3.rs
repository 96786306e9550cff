//! Interfaces whose packets have no Ethernet header, and the loopback interface: real connections over
//! each.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::injection::{set_link_type, tun};
use ja4sentinel_tests::netns::{CLIENT_V4, Lab, Link, Namespace, SERVER_V4};
use ja4sentinel_tests::process::{Process, find_program, wait_until};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
/// Ends of the link, from a block for documentation (RFC 5737).
const SERVER: &str = "198.51.100.1";
const CLIENT: &str = "198.51.100.2";

fn start(lab: &Lab, interface: &str, core: &str) -> Agent {
    let config = lab.directory().join("config.yml");
    let core = format!("interface: {interface}, listen_ports: 443, {core}");
    fs::write(&config, format!("core: {{{core}}}\n")).expect("a file");
    let arguments = ["--config", config.to_str().expect("a path")];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &arguments).expect("an agent")
}

/// A client connects; the record is of this interface.
fn connect(lab: &Lab, agent: Agent, interface: &str, address: &str) {
    let openssl = clients::by_name("openssl").expect("a known client");
    let finished = openssl.run(lab, address, 443).expect("openssl");
    assert!(finished.success(), "{interface}: {finished:?}\n{}", agent.log());
    let records = agent.wait_for(1, DEADLINE, |_| true).expect("records");
    assert_eq!(records.len(), 1, "{interface}: {}", agent.log());
    assert_eq!(records[0]["interface"], *interface);
    assert_eq!(records[0]["src_ip"], CLIENT);
    assert_eq!(records[0]["meta_source"], "syn");
    agent.stop().expect("an agent that ends well");
}

fn up(side: &Namespace, interface: &str, address: &str) {
    side.run("ip", &["addr", "add", &format!("{address}/24"), "dev", interface]).expect("ip");
    side.run("ip", &["link", "set", interface, "up"]).expect("ip");
}

/// Two tun interfaces, one on each side, joined by this process, of a link type as drivers of such
/// interfaces give them (linux/if_arp.h). The threads end with the interfaces.
fn join(lab: &Lab, kind: u16) {
    let make = |side: &Namespace, address: &str| -> File {
        let made = side.inside(|| {
            let file = tun("tun0").expect("a tun interface");
            set_link_type(&file, kind).expect("a link type");
            file
        });
        up(side, "tun0", address);
        made.expect("the namespace")
    };
    let ends = [make(&lab.server, SERVER), make(&lab.client, CLIENT)];
    let [server, client] = ends.each_ref().map(|end| end.try_clone().expect("a descriptor"));
    let [to_client, to_server] = ends.map(|end| end);
    for (mut from, mut to) in [(server, to_server), (client, to_client)] {
        std::thread::spawn(move || {
            let mut packet = vec![0; 64 * 1024];
            while let Ok(length) = from.read(&mut packet) {
                // The other end may not be up yet.
                let _ = to.write(&packet[..length]);
            }
        });
    }
}

#[test]
fn interfaces_without_ethernet_header_are_watched() {
    // tun and WireGuard, PPP, IPIP, IPv6 tunnels, SIT, raw IP as of mobile modems.
    for kind in [0xfffe, 512, 768, 769, 776, 519] {
        for core in ["attach: tcx", "attach: clsact"] {
            let lab = Lab::new(&Link::default()).unwrap();
            let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
            join(&lab, kind);
            let agent = start(&lab, "tun0", &format!("backend: ebpf, {core}"));
            connect(&lab, agent, "tun0", SERVER);
        }
    }
}

#[test]
fn connections_through_wireguard_are_seen() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        // Its control socket stands in one directory for all namespaces.
        let name = |side: char| format!("ja4{side}{}", std::process::id());
        let names = [name('s'), name('c')];
        let _daemons = wireguard(&lab, &names);
        let agent = start(&lab, &names[0], &format!("backend: {backend}"));
        connect(&lab, agent, &names[0], SERVER);
    }
}

/// WireGuard in user space, which every kernel can have: both ends, running.
fn wireguard(lab: &Lab, names: &[String; 2]) -> [Process; 2] {
    let sides = [&lab.server, &lab.client];
    let program = find_program("wireguard-go").expect("wireguard-go: run `cargo xtask setup`");
    let daemons = [0, 1].map(|end| {
        let mut command = sides[end].command(&program);
        command.args(["--foreground", &names[end]]);
        Process::spawn(&mut command).expect("wireguard-go")
    });
    let keys: [(PathBuf, String); 2] = [0, 1].map(|end| {
        let file = lab.directory().join(format!("key{end}"));
        let make = format!("umask 077; wg genkey > {0} && wg pubkey < {0}", file.display());
        let public = sides[end].run("sh", &["-c", &make]).expect("a key");
        (file, public.trim().to_owned())
    });
    let outer = [SERVER_V4, CLIENT_V4];
    let inner = [SERVER, CLIENT];
    for (end, other) in [(0, 1), (1, 0)] {
        let key = keys[end].0.to_str().expect("a path").to_owned();
        let (peer, network) = (&keys[other].1, format!("{}/32", inner[other]));
        let endpoint = format!("{}:51820", outer[other]);
        let set = ["set", &names[end], "listen-port", "51820", "private-key", &key, "peer", peer];
        let set = [&set[..], &["allowed-ips", &network, "endpoint", &endpoint]].concat();
        let is_set = || sides[end].run("wg", &set).is_ok();
        assert!(wait_until(DEADLINE, is_set), "{:?}", daemons[end]);
        up(sides[end], &names[end], inner[end]);
    }
    daemons
}

#[test]
fn connections_over_loopback_are_seen() {
    for core in ["backend: ebpf, attach: tcx", "backend: ebpf, attach: clsact", "backend: pcap"] {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let agent = start(&lab, "lo", core);
        let program = find_program("openssl").expect("openssl");
        let mut client = lab.server.command(program);
        client.args(["s_client", "-connect", "127.0.0.1:443"]);
        let client = Process::spawn(&mut client).expect("openssl").finish(DEADLINE);
        assert!(client.success(), "{client:?}");
        let records = agent.wait_for(1, DEADLINE, |_| true).expect("records");
        assert_eq!(records.len(), 1, "{core}: {}", agent.log());
        assert_eq!(records[0]["interface"], "lo", "{core}");
        assert_eq!(agent.stop().unwrap().records.len(), 1, "{core}: not once a way");
    }
}
