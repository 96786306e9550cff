//! SIGHUP: another configuration takes over while clients connect, and no hello is lost.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::load::under_load;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::scrape::Figures;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);
const METRICS: &str = "127.0.0.1:9443";

/// An agent with a configuration file.
struct Service {
    agent: Agent,
    config: PathBuf,
}

impl Service {
    fn start(lab: &Lab, text: &str) -> Self {
        let config = lab.directory().join("config.yml");
        fs::write(&config, text).expect("a file");
        let arguments = ["--config", config.to_str().expect("a path")];
        let binary = built_binary().expect("the agent");
        let agent = Agent::start(&lab.server, &binary, &arguments).expect("an agent");
        Self { agent, config }
    }

    /// How often the agent has said this.
    fn said(&self, text: &str) -> usize {
        self.agent.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Puts another configuration in place and waits until the agent has said so of it.
    fn reload(&self, text: &str, answer: &str) {
        let before = self.said(answer);
        fs::write(&self.config, text).expect("a file");
        self.agent.signal(libc::SIGHUP);
        let heard = wait_until(DEADLINE, || self.said(answer) > before);
        assert!(heard, "{}", self.agent.log());
    }
}

/// Every other configuration watches another port, by another condition, and writes elsewhere.
fn configuration(lab: &Lab, backend: &str, number: usize) -> String {
    let odd = number % 2 == 1;
    let ports = if odd { "[443, 8443]" } else { "443" };
    let interface = if odd { "serv*" } else { SERVER_INTERFACE };
    let more = if odd {
        "  bpf_filter: not host 203.0.113.1\n  deny_clients: 203.0.113.0/24\n  \
         flow_timeout_sec: 20\n  log_level: debug\nlimits: { segments_per_hello: 50 }\n"
    } else {
        "  starttls: true\n"
    };
    let file = lab.directory().join(format!("{}.log", number % 3));
    format!(
        "metrics: {{ listen: {METRICS} }}\ncore:\n  interface: {interface}\n  \
         listen_ports: {ports}\n  backend: {backend}\n{more}outputs:\n  - type: stdout\n    \
         queue: 20000\n  - type: file\n    name: file\n    queue: 20000\n    \
         params: {{ path: {}, flush_interval: 100ms }}\n",
        file.display()
    )
}

fn on_port(records: &[Value], port: u16) -> BTreeMap<u64, usize> {
    let mut clients = BTreeMap::new();
    for record in records.iter().filter(|record| record["dst_port"] == port) {
        *clients.entry(record["src_port"].as_u64().expect("a port")).or_default() += 1;
    }
    clients
}

#[test]
fn reloads_under_load_lose_no_hello_of_a_port_that_stays() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let service = Service::start(&lab, &configuration(&lab, backend, 0));
        let servers = [443, 8443].map(|port| SocketAddr::from((SERVER_V4, port)));
        let hello = Hello::browser().record();
        let reloads = 30;
        let ((), connections) = under_load(&lab, &servers, &hello, || {
            for number in 1..=reloads {
                std::thread::sleep(Duration::from_millis(100));
                service.reload(&configuration(&lab, backend, number), "configuration taken over");
            }
        })
        .unwrap();

        let stay = || connections.iter().filter(|one| one.server.port() == 443);
        let count = stay().count();
        assert!(count > 500, "{backend}: only {count} connections");
        let of_443 = |record: &Value| record["dst_port"] == 443;
        let records = service.agent.wait_for(count, DEADLINE, of_443).unwrap();
        let seen = on_port(&records, 443);
        let lost: Vec<_> = stay()
            .map(|one| u64::from(one.client.port()))
            .filter(|port| !seen.contains_key(port))
            .collect();
        let figures = Figures::scrape(&lab.server, METRICS).unwrap();
        assert_eq!(lost, Vec::<u64>::new(), "{}", service.agent.log());
        assert_eq!(records.len(), count, "{backend}: none twice");

        figures.check_balance().unwrap();
        for reason in ["queue_full", "shutdown", "closed"] {
            let lost = format!("reason=\"{reason}\"");
            assert_eq!(figures.sum("ja4sentinel_output_dropped_total", &lost), 0.0, "{reason}");
        }
        let ended = service.agent.stop().unwrap();
        // Some of the connections to the port that came and went are there, and some are not.
        let others = connections.len() - count;
        let watched = ended.records.len() - count;
        assert!(watched > others / 10 && watched < others, "{watched} of {others}");
        let files: String = (0..3)
            .map(|number| lab.directory().join(format!("{number}.log")))
            .map(|path| fs::read_to_string(path).expect("a file of records"))
            .collect();
        let written: Vec<Value> =
            files.lines().map(|line| serde_json::from_str(line).expect("whole lines")).collect();
        assert_eq!(written.len(), ended.records.len(), "{backend}: each in one file");
        assert_eq!(on_port(&written, 443), on_port(&ended.records, 443));
    }
}

#[test]
fn libpcap_goes_from_one_way_of_opening_to_another_and_loses_nothing() {
    let lab = Lab::new(&Link::default()).unwrap();
    let text = |number: usize| {
        // One device that stands for all, interfaces by name, and those in promiscuous mode.
        let way =
            ["interface: any", "interface: serv*", "interface: any, promiscuous: true"][number % 3];
        format!("core: {{ backend: pcap, {way} }}\nmetrics: {{ listen: '{METRICS}' }}\n")
    };
    let service = Service::start(&lab, &text(0));
    let server = [SocketAddr::from((SERVER_V4, 443))];
    let ((), connections) = under_load(&lab, &server, &Hello::browser().record(), || {
        for number in 1..=9 {
            std::thread::sleep(Duration::from_millis(300));
            service.reload(&text(number), "configuration taken over");
        }
        std::thread::sleep(Duration::from_millis(300));
    })
    .unwrap();
    let count = connections.len();
    let records = service.agent.wait_for(count, DEADLINE, |_| true).unwrap();
    let figures = Figures::scrape(&lab.server, METRICS).unwrap();
    assert_eq!(records.len(), count, "{figures:?}");
    assert!(on_port(&records, 443).values().all(|times| *times == 1), "none twice");
    figures.check_balance().unwrap();
    service.agent.stop().unwrap();
}

#[test]
fn an_interface_that_cannot_be_watched_keeps_no_configuration_away() {
    let lab = Lab::new(&Link::default()).unwrap();
    // libpcap cannot open an interface that is down.
    let add = ["link", "add", "serv1", "type", "veth", "peer", "name", "peer1"];
    lab.server.run("ip", &add).unwrap();
    for backend in BACKENDS {
        let text = |ports| format!("core: {{ interface: serv*, backend: {backend}, {ports} }}\n");
        let service = Service::start(&lab, &text("listen_ports: 443"));
        service.reload(&text("listen_ports: any"), "\"changed\":\"core.listen_ports\"");
        service.agent.stop().unwrap();
    }
}

#[test]
fn a_wrong_file_leaves_the_old_configuration_at_work() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let connect = || {
        let openssl = clients::by_name("openssl").expect("a known client");
        let finished = openssl.run(&lab, &SERVER_V4.to_string(), 443).expect("openssl");
        assert!(finished.success(), "{finished:?}");
    };
    let core = format!("core:\n  interface: {SERVER_INTERFACE}\n  backend: pcap\n");
    let service = Service::start(&lab, &core);
    let refused = "the configuration stays as it was";
    let wrong = format!("{core}  listen_port: 443\n  flow_timeout_sec: 0\n");
    service.reload(&wrong, "did you mean listen_ports");
    assert!(wait_until(DEADLINE, || service.said(refused) == 2), "{}", service.agent.log());
    assert!(service.said("core.flow_timeout_sec: found 0") == 1, "{}", service.agent.log());
    // Right by itself, but not to be had here.
    service.reload(&core.replace(SERVER_INTERFACE, "eth4711"), "no interface eth4711");
    let metrics = format!("{core}metrics: {{ listen: 'unix:/nowhere/s' }}\n");
    service.reload(&metrics, "outside of what the agent kept access to");
    service.reload(
        &format!("{core}metrics: {{ listen: '127.0.0.1:443' }}\n"),
        "cannot be served at 127.0.0.1:443 (a port below 1024 takes",
    );
    fs::remove_file(&service.config).unwrap();
    service.agent.signal(libc::SIGHUP);
    assert!(wait_until(DEADLINE, || service.said("cannot be read") == 1));
    connect();
    assert_eq!(service.agent.wait_for(1, DEADLINE, |_| true).unwrap().len(), 1);

    let right = format!("{core}  listen_ports: 8443\n").replace("pcap", "ebpf");
    service.reload(&right, "\"changed\":\"core.listen_ports, core.backend\"");
    assert_eq!(
        service.said("\"keys\":\"core.backend\",") + service.said("keys\":\"core.backend\"}"),
        1
    );
    connect();
    assert_eq!(service.agent.stop().unwrap().records.len(), 1, "443 is watched no more");
}
