//! One capture, two paths: played over a veth pair to the live backends, and read from the file.
//! Both give the same records, apart from what the path itself decides.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, Ended, built_binary};
use ja4sentinel_tests::captures;
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, Lab, Link};
use ja4sentinel_tests::process::Process;
use ja4sentinel_tests::scene::BACKENDS;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(30);

/// Frames a second: a few seconds for the longest capture, far below what would fill a buffer.
const PACE: &str = "--pps=500";

/// What the path decides: when, where, how.
const OF_THE_PATH: [&str; 4] = ["timestamp", "syn_to_hello_us", "interface", "backend"];

/// As `read` looks at files by default, but for the ports.
const CONFIG: &str = "
core:
  interface: server0
  listen_ports: [443, 587]
  promiscuous: true
  starttls: true
  tunnel_depth: 0
";

#[test]
fn the_golden_hellos() {
    both_paths_agree(&golden("synthetic.pcap"), 80);
}

#[test]
fn the_golden_tcp_cases() {
    both_paths_agree(&golden("transport.pcap"), 45);
}

#[test]
fn two_hundred_generated_connections() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("generated.pcap");
    let frames: Vec<_> = (0..200).flat_map(connection).collect();
    fs::write(&file, captures::pcap(1, &frames)).unwrap();
    both_paths_agree(&file, 200);
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/synthetic").join(name)
}

/// Connection number `n`, each of another form.
fn connection(n: u16) -> Vec<Vec<u8>> {
    let number = usize::from(n);
    let address = |v4: &str, v6: &str| -> IpAddr {
        let text = if n.is_multiple_of(2) { v4 } else { v6 };
        text.parse().expect("an address")
    };
    let client = SocketAddr::from((address("198.51.100.7", "2001:db8::7"), 20_000 + n));
    let server = SocketAddr::from((address("203.0.113.1", "2001:db8::443"), 443));
    let tagged = |packet: Packet| match n % 3 {
        0 => packet,
        1 => packet.tag(0x8100, 7),
        _ => packet.tag(0x88a8, 100).tag(0x8100, 42),
    };

    let has_syn = !n.is_multiple_of(5);
    let hello = Hello::browser().padded_to(300 + number * 60);
    let bytes = hello.records(&[if n.is_multiple_of(7) { 100 } else { 16_384 }]);
    // A sequence number that wraps in some of them.
    let start = (u32::MAX - 2_000).wrapping_add(u32::from(n) * 20);
    let mut frames = Vec::new();
    if has_syn {
        frames.push(tagged(Packet::syn(client, server, start)).frame());
    }
    let size = 200 + (number * 131) % 1_200;
    let mut pieces: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut sequence = start.wrapping_add(1);
    for piece in bytes.chunks(size) {
        let packet = tagged(Packet::data(client, server, sequence, piece));
        let cuts: &[usize] = if n % 11 == 3 && piece.len() > 96 { &[48, 96] } else { &[] };
        pieces.push(packet.fragments_if(cuts));
        sequence = sequence.wrapping_add(u32::try_from(piece.len()).expect("a short piece"));
    }
    // Where the SYN was seen, any order will do; without it the first piece must tell.
    if has_syn && n % 4 == 1 {
        pieces.reverse();
    }
    frames.extend(pieces.into_iter().flatten());
    frames
}

trait FragmentsIf {
    fn fragments_if(&self, cuts: &[usize]) -> Vec<Vec<u8>>;
}

impl FragmentsIf for Packet {
    /// One whole frame when there is nothing to cut.
    fn fragments_if(&self, cuts: &[usize]) -> Vec<Vec<u8>> {
        if cuts.is_empty() { vec![self.frame()] } else { self.fragments(cuts) }
    }
}

fn both_paths_agree(capture: &Path, count: usize) {
    let from_file = comparable(read(capture));
    assert_eq!(from_file.len(), count, "records of the file");
    for backend in BACKENDS {
        let ended = play(capture, backend, count);
        let live = comparable(ended.records);
        for (live, file) in live.iter().zip(&from_file) {
            assert_eq!(live, file, "{backend}");
        }
        assert_eq!(live.len(), count, "{backend}: {}", ended.ledger);
    }
}

/// What `ja4sentinel read` makes of the file.
fn read(capture: &Path) -> Vec<Value> {
    let mut command = Command::new(built_binary().expect("the agent"));
    command.args(["read", "--ports", "443,587", "--starttls", "on", "--tunnels", "0"]).arg(capture);
    let finished = Process::spawn(&mut command).expect("the agent").finish(DEADLINE);
    assert!(finished.success(), "{finished:?}");
    let lines = finished.stdout.lines();
    lines.map(|line| serde_json::from_str(line).expect("a JSON record")).collect()
}

/// What the agent makes of the same frames on an interface.
fn play(capture: &Path, backend: &str, count: usize) -> Ended {
    // Room for every frame of the captures.
    let lab = Lab::new(&Link { mtu: 9_000, offloads: true }).expect("a lab");
    let config = lab.directory().join("config.yml");
    fs::write(&config, CONFIG).expect("a configuration file");
    let config = config.to_str().expect("a path in UTF-8");
    let arguments = ["--config", config, "--backend", backend];
    let binary = built_binary().expect("the agent");
    let agent = Agent::start(&lab.server, &binary, &arguments).expect("the agent");
    let mut command = lab.client.command("tcpreplay");
    command.args(["--quiet", PACE, "--intf1", CLIENT_INTERFACE]).arg(capture);
    let finished = Process::spawn(&mut command).expect("tcpreplay").finish(DEADLINE);
    assert!(finished.success(), "{finished:?}");
    assert!(!finished.stdout.contains("Failed packets:            1"), "{finished:?}");
    agent.wait_for(count, Duration::from_secs(5), |_| true).expect("records");
    agent.stop().expect("a good end, with a balanced ledger")
}

/// Records without what the path decides, in a fixed order.
fn comparable(mut records: Vec<Value>) -> Vec<Value> {
    for record in &mut records {
        let fields = record.as_object_mut().expect("an object");
        for name in OF_THE_PATH {
            fields.remove(name);
        }
    }
    records.sort_by_key(|record| {
        let number = |name: &str| record[name].as_u64();
        (number("src_port"), number("hello_index"), record["ja4_ro"].to_string())
    });
    records
}
