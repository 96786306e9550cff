//! The service in a namespace: which backend it takes, what it watches, how it ends.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::captures;
use ja4sentinel_tests::clients;
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::injection::Injector;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, CLIENT_V6, Lab, Link, SERVER_INTERFACE, SERVER_V4, SERVER_V6,
};
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
/// The agent looks at interfaces and addresses each second.
const FOLLOWED: Duration = Duration::from_millis(1500);
/// How long a record that must not come is waited for.
const SILENCE: Duration = Duration::from_secs(1);

fn start(lab: &Lab, arguments: &[&str]) -> Agent {
    let binary = built_binary().expect("the agent");
    Agent::start(&lab.server, &binary, arguments).expect("a running agent")
}

/// A client connects to the server under this address.
fn connect(lab: &Lab, address: &str) {
    let openssl = clients::by_name("openssl").expect("a known client");
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let finished = openssl.run(lab, &host, 443).expect("openssl");
    assert!(finished.success(), "{finished:?}");
}

fn wait(agent: &Agent, count: usize) -> Vec<serde_json::Value> {
    let records = agent.wait_for(count, DEADLINE, |_| true).expect("records");
    assert_eq!(records.len(), count, "{}", agent.log());
    records
}

/// A program that runs the agent without the capabilities that eBPF needs.
fn agent_without_ebpf(lab: &Lab) -> PathBuf {
    let path = lab.directory().join("without-ebpf");
    let agent = built_binary().expect("the agent");
    let without = "-bpf,-net_admin,-perfmon,-sys_admin";
    let script =
        format!("#!/bin/sh\nexec setpriv --bounding-set={without} {} \"$@\"\n", agent.display());
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script that runs");
    path
}

#[test]
fn the_kernel_program_speaks_at_debug_level_alone() {
    const IPV6_DESTINATION_OPTIONS: u8 = 60;
    // Its headers are longer than the kernel's room for them: the SYN is lost, and counted.
    let source = SocketAddr::new(CLIENT_V6.into(), 40000);
    let syn = Packet::syn(source, SocketAddr::new(SERVER_V6.into(), 443), 7)
        .extension(IPV6_DESTINATION_OPTIONS, [0; 254])
        .frame();
    let lab = Lab::new(&Link::default()).unwrap();
    for (level, speaks) in [("info", false), ("debug", true)] {
        let configuration = lab.directory().join("config.yml");
        let core =
            format!("{{interface: {SERVER_INTERFACE}, listen_ports: 443, log_level: {level}");
        fs::write(&configuration, format!("core: {core}, backend: ebpf}}\n")).unwrap();
        let agent = start(&lab, &["--config", &configuration.display().to_string()]);
        let send = || Injector::open(CLIENT_INTERFACE).and_then(|injector| injector.send(&syn));
        lab.client.inside(send).unwrap().unwrap();
        let spoken = || agent.log().contains("kernel: packet lost on interface");
        let spoke = wait_until(if speaks { DEADLINE } else { SILENCE }, spoken);
        let log = agent.log();
        assert_eq!(spoke, speaks, "{level}: {log}");
        assert!(!log.contains("aya"), "a library talks to itself: {log}");
        agent.stop().unwrap();
    }
}

#[test]
fn auto_takes_ebpf_and_without_it_libpcap_and_says_why() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443"];
    let without = agent_without_ebpf(&lab);
    for (binary, backend, why) in [
        (built_binary().unwrap(), "ebpf", "it works on this machine"),
        (without.clone(), "pcap", "eBPF cannot be used: the kernel does not permit it"),
    ] {
        let agent = Agent::start(&lab.server, &binary, &arguments).unwrap();
        connect(&lab, &SERVER_V4.to_string());
        assert_eq!(wait(&agent, 1)[0]["backend"], backend);
        let log = agent.log();
        let chosen = log.lines().find(|line| line.contains("backend chosen")).expect("a line");
        assert!(chosen.contains(&format!("\"backend\":\"{backend}\"")), "{chosen}");
        assert!(chosen.contains(why), "{chosen}");
        agent.stop().unwrap();
    }

    let only = [&arguments[..], &["--backend", "ebpf"]].concat();
    let error = Agent::start(&lab.server, &without, &only).unwrap_err().to_string();
    assert!(error.contains("does not permit"), "{error}");
}

#[test]
fn a_condition_means_the_same_on_both_backends() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let condition = format!("not (src host {CLIENT_V4} and tcp dst port 443)");
        let watch = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", backend];
        let agent = start(&lab, &[&watch[..], &["--bpf-filter", &condition]].concat());
        connect(&lab, &SERVER_V4.to_string());
        connect(&lab, &SERVER_V6.to_string());
        assert_eq!(wait(&agent, 1)[0]["dst_ip"], SERVER_V6.to_string(), "{backend}");
        assert_eq!(agent.stop().unwrap().records.len(), 1, "{backend}");
    }
}

#[test]
fn interfaces_are_followed_as_they_come_and_go() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let agent = start(&lab, &["--interface", "serv*", "--ports", "443", "--backend", backend]);
        connect(&lab, &SERVER_V4.to_string());
        assert_eq!(wait(&agent, 1)[0]["interface"], SERVER_INTERFACE);

        let other = lab.client.path();
        let other = other.file_name().and_then(|name| name.to_str()).expect("a name");
        let server = |arguments: &[&str]| lab.server.run("ip", arguments).unwrap();
        let client = |arguments: &[&str]| lab.client.run("ip", arguments).unwrap();
        let pair = ["link", "add", "serv1", "type", "veth", "peer", "name", "cli1", "netns", other];
        server(&pair);
        server(&["addr", "add", "198.51.100.1/24", "dev", "serv1"]);
        server(&["link", "set", "serv1", "up"]);
        client(&["addr", "add", "198.51.100.2/24", "dev", "cli1"]);
        client(&["link", "set", "cli1", "up"]);
        let says = |text: &str| {
            let found = |line: &str| line.contains(text) && line.contains("\"serv1\"");
            assert!(wait_until(DEADLINE, || agent.log().lines().any(found)), "{}", agent.log());
        };
        says("watching");
        // libpcap is told of an address that came after its interface with the next look at them.
        std::thread::sleep(FOLLOWED);
        connect(&lab, "198.51.100.1");
        assert_eq!(wait(&agent, 2)[1]["interface"], "serv1", "{backend}");

        server(&["link", "del", "serv1"]);
        says("gone");
        connect(&lab, &SERVER_V4.to_string());
        assert_eq!(wait(&agent, 3)[2]["interface"], SERVER_INTERFACE, "{backend}");
        agent.stop().unwrap();
    }
}

#[test]
fn any_interface_is_named_in_the_record() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let agent = start(&lab, &["--interface", "any", "--ports", "443", "--backend", backend]);
        connect(&lab, &SERVER_V4.to_string());
        assert_eq!(wait(&agent, 1)[0]["interface"], SERVER_INTERFACE, "{backend}");
        assert_eq!(agent.stop().unwrap().records.len(), 1, "{backend}");
    }
}

#[test]
fn libpcap_leaves_other_ports_to_the_kernel() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    for interface in [SERVER_INTERFACE, "any"] {
        let agent = start(&lab, &["--interface", interface, "--ports", "443", "--backend", "pcap"]);
        connect(&lab, &SERVER_V4.to_string());
        wait(&agent, 1);
        let refused = || TcpStream::connect((SERVER_V4, 8443)).is_err();
        let attempts = 100;
        assert!(lab.client.inside(|| (0..attempts).all(|_| refused())).unwrap());
        connect(&lab, &SERVER_V4.to_string());
        wait(&agent, 2);
        let ended = agent.stop().unwrap();
        assert!(ended.seen >= 2 * 2 && ended.seen < attempts, "{interface}: {ended:?}");
        assert_eq!(ended.seen, ended.handed_up, "{interface}");
    }
}

#[test]
fn libpcap_leaves_alone_what_goes_to_other_machines_unless_told_otherwise() {
    let lab = Lab::new(&Link::default()).unwrap();
    let client: SocketAddr = (CLIENT_V4, 40_000).into();
    let elsewhere: SocketAddr = ([203, 0, 113, 9], 443).into();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/synthetic/alpn_00.bin");
    let frames = [
        Packet::syn(client, elsewhere, 0).frame(),
        Packet::data(client, elsewhere, 1, fs::read(golden).unwrap()).frame(),
    ];
    let capture = lab.directory().join("elsewhere.pcap");
    fs::write(&capture, captures::pcap(1, &frames)).unwrap();
    let config = lab.directory().join("config.yml");
    for promiscuous in [false, true] {
        let text =
            format!("core:\n  interface: {SERVER_INTERFACE}\n  promiscuous: {promiscuous}\n");
        fs::write(&config, text).unwrap();
        let agent =
            start(&lab, &["--config", config.to_str().expect("a path"), "--backend", "pcap"]);
        let capture = capture.to_str().expect("a path");
        lab.client.run("tcpreplay", &["--quiet", "--intf1", CLIENT_INTERFACE, capture]).unwrap();
        if promiscuous {
            assert_eq!(wait(&agent, 1)[0]["dst_ip"], "203.0.113.9");
        } else {
            std::thread::sleep(SILENCE);
        }
        let ended = agent.stop().unwrap();
        assert_eq!(ended.records.len(), usize::from(promiscuous));
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_service_quietly() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let agent = built_binary().unwrap();
    // `head` takes one record and goes; the next one has no reader.
    let script = format!(
        "{} run --interface {SERVER_INTERFACE} --ports 443 2>err | head -n 1; echo ${{PIPESTATUS[0]}}",
        agent.display()
    );
    let mut command = lab.server.command("bash");
    command.args(["-c", &script]).current_dir(lab.directory());
    let mut pipe = Process::spawn(&mut command).unwrap();
    let log = || fs::read_to_string(lab.directory().join("err")).unwrap_or_default();
    assert!(wait_until(DEADLINE, || log().contains("ready")), "{}", log());
    for _ in 0..10 {
        if pipe.is_running() {
            connect(&lab, &SERVER_V4.to_string());
            wait_until(SILENCE, || !pipe.is_running());
        }
    }
    let finished = pipe.finish(DEADLINE);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{finished:?}\n{}", log());
    assert_eq!(lines.last(), Some(&"0"), "{finished:?}");
    for level in ["\"level\":\"warn\"", "\"level\":\"error\""] {
        assert!(!log().contains(level), "{}", log());
    }
}

#[test]
fn a_reader_that_goes_away_while_nobody_connects_ends_the_service_too() {
    let lab = Lab::new(&Link::default()).unwrap();
    let agent = built_binary().unwrap();
    let script = format!(
        "{} run --interface {SERVER_INTERFACE} 2>err | until grep -q '\"ready\"' err; do sleep 0.1; \
         done; echo ${{PIPESTATUS[0]}}",
        agent.display()
    );
    let mut command = lab.server.command("bash");
    command.args(["-c", &script]).current_dir(lab.directory());
    let finished = Process::spawn(&mut command).unwrap().finish(DEADLINE);
    let log = fs::read_to_string(lab.directory().join("err")).unwrap();
    assert_eq!(finished.stdout, "0\n", "{finished:?}\n{log}");
    assert!(!log.contains("\"level\":\"warn\""), "{log}");
}

#[test]
fn files_are_opened_again_when_a_signal_says_they_were_moved() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let directory = lab.directory();
    let (log, config) = (directory.join("records.log"), directory.join("config.yml"));
    let text = format!(
        "core:\n  interface: {SERVER_INTERFACE}\noutputs:\n  - type: stdout\n  \
         - type: file\n    params:\n      path: {}\n      flush_interval: 100ms\n",
        log.display()
    );
    fs::write(&config, text).unwrap();
    let agent = start(&lab, &["--config", config.to_str().expect("a path")]);
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    connect(&lab, &SERVER_V4.to_string());
    assert!(wait_until(DEADLINE, || lines(&log) == 1), "{}", agent.log());
    for signal in [libc::SIGUSR1, libc::SIGHUP] {
        let moved = directory.join(format!("records.log.{signal}"));
        fs::rename(&log, &moved).unwrap();
        agent.signal(signal);
        // The service may still be about to hear of it.
        std::thread::sleep(Duration::from_millis(200));
        connect(&lab, &SERVER_V4.to_string());
        assert!(wait_until(DEADLINE, || lines(&log) == 1), "{}", agent.log());
        assert_eq!(lines(&moved), 1);
    }
    agent.stop().unwrap();
}
