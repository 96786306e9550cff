//! The end, by force or held up: what it costs is what was in memory, and it is stated.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::load::under_load;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::scrape::Figures;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(15);
const METRICS: &str = "127.0.0.1:9443";
/// A record is in its file so long after its hello: a tenth of that is the time that it may linger,
/// the rest is for a busy machine.
const WRITTEN: Duration = Duration::from_secs(1);

#[test]
fn a_kill_under_load_costs_what_was_in_memory_and_nothing_else() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let log = lab.directory().join("records.log");
        let config = lab.directory().join("config.yml");
        let text = format!(
            "core: {{ interface: {SERVER_INTERFACE}, backend: {backend} }}\n\
             metrics: {{ listen: '{METRICS}' }}\noutputs:\n- type: stdout\n- type: file\n  name: file\n  \
             params: {{ path: {}, flush_interval: 100ms }}\n",
            log.display()
        );
        fs::write(&config, text).unwrap();
        let start = || {
            let arguments = ["--config", config.to_str().expect("a path")];
            let binary = built_binary().expect("the agent");
            Agent::start(&lab.server, &binary, &arguments).expect("an agent")
        };
        let server = SocketAddr::from((SERVER_V4, 443));
        let first = start();
        let ((killed, ready, second), connections) =
            under_load(&lab, &[server], &Hello::browser().record(), || {
                std::thread::sleep(2 * WRITTEN);
                let killed = Instant::now();
                first.signal(libc::SIGKILL);
                drop(first);
                let second = start();
                let ready = Instant::now();
                std::thread::sleep(2 * WRITTEN);
                (killed, ready, second)
            })
            .unwrap();

        // The new agent's figures are its own: it lost nothing.
        let all = connections.iter().filter(|one| one.sent > ready).count();
        let figures = || Figures::scrape(&lab.server, METRICS).expect("metrics");
        let delivered = || figures().get("ja4sentinel_output_delivered_total{output=\"file\"}");
        assert!(wait_until(DEADLINE, || delivered() >= all as f64), "{}", second.log());
        figures().check_balance().unwrap();
        second.stop().unwrap();

        let text = fs::read_to_string(&log).unwrap();
        let mut records: BTreeMap<u64, usize> = BTreeMap::new();
        let mut torn = 0;
        for line in text.lines() {
            match serde_json::from_str::<Value>(line) {
                Ok(record) => {
                    *records.entry(record["src_port"].as_u64().expect("a port")).or_default() += 1;
                }
                Err(_) => torn += 1,
            }
        }
        assert!(torn <= 1, "{backend}: {torn} lines that are not whole");
        assert!(records.values().all(|times| *times == 1), "{backend}: none twice: {records:?}");
        let is_recorded = |port: u16| records.contains_key(&u64::from(port));
        for one in connections.iter().filter(|one| !is_recorded(one.client.port())) {
            assert!(one.sent + WRITTEN > killed && one.sent < ready, "{backend}: {one:?} is lost");
        }
        // Before the kill and after it; how many are lost depends on how long a start takes.
        assert!(records.len() > 100, "{backend}: {} of {}", records.len(), connections.len());
    }
}

#[test]
fn a_reader_that_stopped_holds_the_end_up_for_a_while_only() {
    let lab = Lab::new(&Link::default()).unwrap();
    let socket = lab.directory().join("reader.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let config = lab.directory().join("config.yml");
    let text = format!(
        "core: {{ interface: {SERVER_INTERFACE} }}\noutputs:\n- type: stdout\n\
         - type: unix_socket\n  name: socket\n  params: {{ socket_path: {} }}\n",
        socket.display()
    );
    fs::write(&config, text).unwrap();
    let arguments = ["--config", config.to_str().expect("a path")];
    let agent = Agent::start(&lab.server, &built_binary().unwrap(), &arguments).unwrap();
    let server = SocketAddr::from((SERVER_V4, 443));
    let (stream, connections) = under_load(&lab, &[server], &Hello::browser().record(), || {
        std::thread::sleep(3 * WRITTEN);
        // With the first record the agent has connected.
        listener.set_nonblocking(true).and_then(|()| listener.accept())
    })
    .unwrap();
    let (stream, _) = stream.unwrap();
    let all = connections.len();
    assert_eq!(agent.wait_for(all, DEADLINE, |_| true).unwrap().len(), all);

    let begin = Instant::now();
    agent.signal(libc::SIGTERM);
    let ended = agent.stop().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!(ended.records.len(), all, "the other output has everything");
    let lost =
        ended.ledger.split("output socket lost ").nth(1).unwrap_or_else(|| panic!("{ended:?}"));
    let lost: usize = lost.split(' ').next().expect("a number").parse().expect("a number");
    assert!(ended.ledger.contains(&format!("{lost} shutdown")), "{}", ended.ledger);
    // What the kernel took for the reader was delivered, but for a line that is cut off.
    let text = std::io::read_to_string(stream).unwrap();
    assert_eq!(text.matches('\n').count() + lost, all, "{}", ended.ledger);
}
