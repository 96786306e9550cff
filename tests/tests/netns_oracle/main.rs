//! The kernel as oracle: a client of our own sends hellos in hostile ways to a real OpenSSL server,
//! and whatever ClientHello the server's own message trace shows, the agent has a record of the same
//! bytes. It has no other one either, but for what [`scenarios::Limit`] names.

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where it goes wrong"
)]

mod client;
mod scenarios;
mod trace;

use std::time::Duration;

use client::{Client, Wire};
use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use scenarios::{ALL, Hellos, Limit, Scenario};
use serde_json::Value;

/// How long the server may take to see what it is to see.
const SERVED: Duration = Duration::from_secs(5);
/// How long we wait for what it is not to see.
const NOT_SERVED: Duration = Duration::from_millis(300);
/// How long the agent may take for its last records.
const RECORDS: Duration = Duration::from_secs(5);

/// What is begun and never a hello is heard of, too.
const CONFIG: &str = "core:\n  report_incomplete: true\n";

/// The client's port in the first scenario.
const FIRST_PORT: u16 = 20_000;

/// Fast Open for every listener, with no cookie asked for (Documentation/networking/ip-sysctl): data
/// on any SYN is taken.
const FAST_OPEN: &str = "net.ipv4.tcp_fastopen=1538";

#[test]
fn whatever_the_server_received_has_its_record() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        lab.server.run("sysctl", &["-w", FAST_OPEN]).unwrap();
        // A group that the client sends no key for: the server asks for another hello.
        let settings = Settings { groups: Some("P-384"), trace: true, ..Settings::default() };
        let server = TlsServer::start(&lab, &settings).unwrap();
        let config = lab.directory().join("config.yml");
        std::fs::write(&config, CONFIG).unwrap();
        let watch = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", backend];
        let arguments = [&watch[..], &["--config", config.to_str().unwrap()]].concat();
        let agent = Agent::start(&lab.server, &built_binary().unwrap(), &arguments).unwrap();
        let mut wire = Wire::open(&lab);

        let mut faults = Vec::new();
        let mut played = Vec::new();
        let mut count = 0;
        for (scenario, port) in ALL.iter().zip(FIRST_PORT..) {
            if scenario.limit == Limit::Checksum && backend == "pcap" {
                continue;
            }
            let all = play(scenario, port, &mut wire, &server, count);
            let new = all.get(count..).unwrap_or_default().to_vec();
            if new.len() != scenario.served {
                faults.push(format!("{}: the server got {} hellos", scenario.name, new.len()));
            }
            count = all.len();
            played.push((scenario, port, new));
        }
        agent.wait_for(count, RECORDS, |_| true).unwrap();
        // Its ledger balances, or this is an error.
        let ended = agent.stop().unwrap();
        for (scenario, port, messages) in played {
            let of_port = ended.records.iter().filter(|record| record["src_port"] == port);
            faults.extend(fault(scenario, &of_port.collect::<Vec<_>>(), &messages));
        }
        assert!(faults.is_empty(), "{backend}:\n{}\n{}", faults.join("\n"), ended.ledger);
    }
}

/// Compares the records of a scenario with the hellos that the server got.
fn fault(scenario: &Scenario, records: &[&Value], messages: &[Vec<u8>]) -> Option<String> {
    let of_hellos = records.iter().filter(|record| record["kind"] == "hello");
    let found: Vec<_> = of_hellos.map(|record| trace::found(record)).collect();
    let expected: Vec<_> = messages.iter().map(|bytes| trace::expected(bytes)).collect();
    let has = |record: &Value, oddity: &str| {
        record["oddities"].as_array().is_some_and(|all| all.iter().any(|name| name == oddity))
    };
    let is_right = match scenario.limit {
        Limit::Marked(oddity) => {
            !records.is_empty() && records.iter().all(|record| has(record, oddity))
        }
        Limit::Nothing | Limit::Checksum => found == expected,
    };
    let names = |values: &[Value]| {
        let name = |value: &Value| format!("{} {}", value["sni"], value["ja4"]);
        values.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    let (found, expected) = (names(&found), names(&expected));
    (!is_right).then(|| format!("{}: records {found}; the server got {expected}", scenario.name))
}

/// Plays a scenario; gives all hellos that the server has seen by then, `before` of them before.
fn play(
    scenario: &Scenario,
    port: u16,
    wire: &mut Wire,
    server: &TlsServer,
    before: usize,
) -> Vec<Vec<u8>> {
    let mut client = Client::new(wire, scenario.is_v6, port);
    (scenario.play)(&mut client, &Hellos::new(scenario.name));
    let seen = || trace::client_hellos(&server.output());
    let wanted = before + scenario.served;
    if scenario.served == 0 {
        std::thread::sleep(NOT_SERVED);
    } else {
        wait_until(SERVED, || {
            let seen = seen();
            seen.len() >= wanted && seen.iter().all(|message| trace::is_complete(message))
        });
    }
    client.reset();
    seen()
}
