//! A real tunnel between two namespaces: the agent watches the interface that carries it, and gives
//! records of the connections inside.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where it goes wrong"
)]
use std::fs;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, CLIENT_V6, Lab, Link, Namespace, SERVER_INTERFACE, SERVER_V4,
    SERVER_V6,
};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(15);
/// How long a record that must not come is waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// The ends inside the tunnel, from a block for documentation (RFC 5737).
const INNER_SERVER: &str = "198.51.100.1";
const INNER_CLIENT: &str = "198.51.100.2";

#[test]
fn connections_in_vxlan_over_ipv4_are_seen() {
    let ends = [SERVER_V4.to_string(), CLIENT_V4.to_string()];
    connections_inside_are_seen(&ends);
}

#[test]
fn connections_in_vxlan_over_ipv6_are_seen() {
    let ends = [SERVER_V6.to_string(), CLIENT_V6.to_string()];
    connections_inside_are_seen(&ends);
}

fn connections_inside_are_seen([server, client]: &[String; 2]) {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).expect("a lab");
        vxlan(&lab.server, SERVER_INTERFACE, [server, client], INNER_SERVER);
        vxlan(&lab.client, CLIENT_INTERFACE, [client, server], INNER_CLIENT);
        let _server = TlsServer::start(&lab, &Settings::default()).expect("a server");

        let agent = watch(&lab, backend, 0);
        connect(&lab, INNER_SERVER);
        std::thread::sleep(SILENCE);
        connect(&lab, &SERVER_V4.to_string());
        let [bare] = records(&agent);
        assert_eq!(bare["dst_ip"], SERVER_V4.to_string(), "{backend}: no tunnels");
        agent.stop().expect("an agent that ends");

        let agent = watch(&lab, backend, 1);
        connect(&lab, INNER_SERVER);
        connect(&lab, &SERVER_V4.to_string());
        let [inside, bare_again] = records(&agent);
        assert_eq!(inside["src_ip"], INNER_CLIENT, "{backend}");
        assert_eq!(inside["dst_ip"], INNER_SERVER, "{backend}");
        assert_eq!(inside["interface"], SERVER_INTERFACE, "{backend}");
        assert_eq!(inside["meta_source"], "syn", "{backend}");
        // The SYN's own, which the tunnel makes smaller; and a hop count of the inner header.
        assert!(inside["tcp_meta_mss"].as_u64() < bare_again["tcp_meta_mss"].as_u64(), "{backend}");
        assert_eq!(inside["ip_meta_ttl"], 64, "{backend}");
        for name in ["ja4", "ja4_ro", "ja3_hash"] {
            assert_eq!(inside[name], bare_again[name], "{backend}: {name}");
            assert_eq!(inside[name], bare[name], "{backend}: {name}");
        }
        let ended = agent.stop().expect("an agent that ends");
        assert_eq!(ended.records.len(), 2, "{backend}: {}", ended.ledger);
    }
}

/// One end of the tunnel.
fn vxlan(namespace: &Namespace, interface: &str, [local, remote]: [&str; 2], address: &str) {
    let ip = |arguments: &[&str]| namespace.run("ip", arguments).expect("a tunnel");
    let link = ["link", "add", "inner0", "type", "vxlan", "id", "7", "dstport", "4789"];
    ip(&[&link[..], &["local", local, "remote", remote, "dev", interface]].concat());
    ip(&["addr", "add", &format!("{address}/24"), "dev", "inner0"]);
    ip(&["link", "set", "inner0", "up"]);
}

fn watch(lab: &Lab, backend: &str, depth: u8) -> Agent {
    let config = lab.directory().join("config.yml");
    let core = format!("interface: {SERVER_INTERFACE}\n  listen_ports: [443]");
    let text = format!("core:\n  {core}\n  tunnel_depth: {depth}\n");
    fs::write(&config, text).expect("a configuration file");
    let config = config.to_str().expect("a path in UTF-8");
    let binary = built_binary().expect("the agent");
    let arguments = ["--config", config, "--backend", backend];
    Agent::start(&lab.server, &binary, &arguments).expect("a running agent")
}

fn connect(lab: &Lab, address: &str) {
    let openssl = clients::by_name("openssl").expect("a known client");
    let finished = openssl.run(lab, address, 443).expect("openssl");
    assert!(finished.success(), "{finished:?}");
}

/// As many records as are asked for, and no more.
fn records<const COUNT: usize>(agent: &Agent) -> [Value; COUNT] {
    let records = agent.wait_for(COUNT, DEADLINE, |_| true).expect("records");
    records.try_into().unwrap_or_else(|records| panic!("{records:?}\n{}", agent.log()))
}
