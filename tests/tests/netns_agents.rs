//! Several agents on one host, and one after another that was killed.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::fs;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
const SAME: &str = "another agent watches the same";
/// The ways in which the kernel program is attached.
const WAYS: [&str; 2] = ["tcx", "clsact"];

/// Starts an agent whose `core` is this.
fn start(lab: &Lab, name: &str, core: &str) -> Agent {
    let config = lab.directory().join(format!("{name}.yml"));
    fs::write(&config, format!("core: {{{core}}}\ncontrol: {{enabled: false}}\n")).expect("a file");
    let arguments = ["--config", config.to_str().expect("a path")];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &arguments).expect("an agent")
}

fn connect(lab: &Lab, address: &str, port: u16) {
    let openssl = clients::by_name("openssl").expect("a known client");
    let finished = openssl.run(lab, address, port).expect("openssl");
    assert!(finished.success(), "{finished:?}");
}

fn wait(agent: &Agent, count: usize) {
    let records = agent.wait_for(count, DEADLINE, |_| true).expect("records");
    assert_eq!(records.len(), count, "{}", agent.log());
}

fn filters(lab: &Lab) -> String {
    lab.server.run("tc", &["filter", "show", "dev", SERVER_INTERFACE, "ingress"]).expect("tc")
}

fn server(lab: &Lab, port: u16) -> TlsServer {
    TlsServer::start(lab, &Settings { port, ..Settings::default() }).expect("a server")
}

/// A second pair of interfaces between the two namespaces.
fn second_link(lab: &Lab) {
    let client = lab.client.path();
    let client = client.file_name().and_then(|name| name.to_str()).expect("a name");
    let pair = ["link", "add", "serv1", "type", "veth", "peer", "name", "cli1", "netns", client];
    lab.server.run("ip", &pair).expect("a pair");
    for (side, name, address) in
        [(&lab.server, "serv1", "198.51.100.1/24"), (&lab.client, "cli1", "198.51.100.2/24")]
    {
        side.run("ip", &["addr", "add", address, "dev", name]).expect("an address");
        side.run("ip", &["link", "set", name, "up"]).expect("an interface that is up");
    }
}

#[test]
fn agents_of_different_ports_or_interfaces_work_side_by_side() {
    for way in WAYS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _servers = [server(&lab, 443), server(&lab, 8443)];
        second_link(&lab);
        let core = |interface: &str, port: u16| {
            format!("interface: {interface}, listen_ports: {port}, attach: {way}")
        };
        let one = start(&lab, "one", &core(SERVER_INTERFACE, 443));
        let other_port = start(&lab, "other-port", &core(SERVER_INTERFACE, 8443));
        let other_interface = start(&lab, "other-interface", &core("serv1", 443));
        for round in 1..=2 {
            connect(&lab, &SERVER_V4.to_string(), 443);
            connect(&lab, &SERVER_V4.to_string(), 8443);
            connect(&lab, "198.51.100.1", 443);
            for agent in [&one, &other_port, &other_interface] {
                wait(agent, round);
                assert!(!agent.log().contains(SAME), "{way}: {}", agent.log());
            }
        }
        // One that goes takes nothing of the others' along.
        one.stop().unwrap();
        connect(&lab, &SERVER_V4.to_string(), 8443);
        wait(&other_port, 3);
        other_port.stop().unwrap();
        other_interface.stop().unwrap();
    }
}

#[test]
fn the_second_agent_on_the_same_interface_and_port_says_so() {
    for (first, second) in [("ebpf", "ebpf"), ("ebpf", "pcap"), ("pcap", "ebpf")] {
        assert!(BACKENDS.contains(&first) && BACKENDS.contains(&second));
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = server(&lab, 443);
        let core = |interface: &str, ports: &str, backend: &str| {
            format!("interface: '{interface}', listen_ports: {ports}, backend: {backend}")
        };
        let first = start(&lab, "first", &core("serv*", "[443, 8443]", first));
        let second = start(&lab, "second", &core("any", "[80, 443]", second));
        assert!(wait_until(DEADLINE, || second.log().contains(SAME)), "{}", second.log());
        let log = second.log();
        let line = log.lines().find(|line| line.contains(SAME)).expect("a line");
        for word in [
            "\"level\":\"warn\"",
            &format!("\"interfaces\":\"{SERVER_INTERFACE}\""),
            "\"ports\":\"443\"",
            &format!("\"process\":\"{}\"", first.id()),
        ] {
            assert!(line.contains(word), "{word}: {line}");
        }
        assert!(!first.log().contains(SAME), "{}", first.log());
        // It does its work all the same, and both have the hello.
        connect(&lab, &SERVER_V4.to_string(), 443);
        wait(&first, 1);
        wait(&second, 1);
        assert_eq!(second.log().matches(SAME).count(), 1);
        second.stop().unwrap();
        // Nobody is there any more to be told of.
        let third = start(&lab, "third", &core("lo", "[443]", "auto"));
        assert!(!third.log().contains(SAME), "{}", third.log());
        third.stop().unwrap();
        first.stop().unwrap();
    }
}

#[test]
fn a_reload_onto_the_ports_of_another_agent_says_so() {
    let lab = Lab::new(&Link::default()).unwrap();
    let first = start(&lab, "first", "listen_ports: 443");
    let second = start(&lab, "second", "listen_ports: 8443");
    assert!(!second.log().contains(SAME), "{}", second.log());
    let config = lab.directory().join("second.yml");
    fs::write(config, "core: {listen_ports: 443}\ncontrol: {enabled: false}\n").unwrap();
    second.signal(libc::SIGHUP);
    assert!(wait_until(DEADLINE, || second.log().contains(SAME)), "{}", second.log());
    second.stop().unwrap();
    first.stop().unwrap();
}

/// Of a killed agent, filters of clsact stay. The next start removes them, and nothing else: not what
/// a second agent has there, nor others' rules.
#[test]
fn after_a_kill_own_leftovers_are_replaced_and_nothing_else_is_touched() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _servers = [server(&lab, 443), server(&lab, 8443)];
    lab.server.run("tc", &["qdisc", "add", "dev", SERVER_INTERFACE, "clsact"]).unwrap();
    let add = ["filter", "add", "dev", SERVER_INTERFACE, "ingress", "prio", "9"];
    let rule = ["protocol", "all", "u32", "match", "u32", "0", "0", "flowid", "1:1"];
    lab.server.run("tc", &[&add[..], &rule].concat()).unwrap();
    let others = filters(&lab);

    let core =
        |port: u16| format!("interface: {SERVER_INTERFACE}, listen_ports: {port}, attach: clsact");
    let killed = start(&lab, "killed", &core(443));
    let running = start(&lab, "running", &core(8443));
    let ours = || filters(&lab).lines().filter(|line| line.contains("ja4sentinel_eth")).count();
    assert_eq!(ours(), 2);
    killed.signal(libc::SIGKILL);
    drop(killed);
    assert_eq!(ours(), 2, "a killed process removes nothing: {}", filters(&lab));
    connect(&lab, &SERVER_V4.to_string(), 443);

    let next = start(&lab, "next", &core(443));
    assert!(next.log().contains("removed a crashed agent's filter"), "{}", next.log());
    assert_eq!(ours(), 2, "{}", filters(&lab));
    connect(&lab, &SERVER_V4.to_string(), 443);
    connect(&lab, &SERVER_V4.to_string(), 8443);
    wait(&next, 1);
    wait(&running, 1);
    next.stop().unwrap();
    assert_eq!(ours(), 1);
    connect(&lab, &SERVER_V4.to_string(), 8443);
    wait(&running, 2);
    running.stop().unwrap();
    assert_eq!(filters(&lab), others);
}
