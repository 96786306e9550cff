//! A service that lacks a capability, or the memory, for eBPF: `auto` says so in one line and watches
//! real clients by libpcap, `ebpf` ends and says what to do. What else may stand in the way is in
//! kernel_denied.rs.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::confined::Confinement;
use ja4sentinel_tests::memory_group::MemoryGroup;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::{Finished, Process};
use ja4sentinel_tests::servers::{Settings, TlsServer};

/// Nobody's, as far as any file of this machine goes.
const USER: u32 = 64_243;
/// How long a record may be on its way, and how long an agent that cannot start may try.
const PATIENCE: Duration = Duration::from_secs(10);

/// A lab with a server, and the agent's program where every user may look.
struct Place {
    lab: Lab,
    _server: TlsServer,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let lab = Lab::new(&Link::default()).unwrap();
        let server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let place = Self { lab, _server: server, folder };
        std::fs::copy(built_binary().unwrap(), place.binary()).unwrap();
        place
    }

    fn binary(&self) -> PathBuf {
        self.folder.path().join("ja4sentinel")
    }

    /// With these capabilities and no others.
    fn confined(&self, capabilities: &[&str], backend: &str) -> Command {
        let confinement = Confinement { user: USER, capabilities, root: None };
        let binary = self.binary();
        let mut command = confinement.command(&self.lab.server, path(&binary)).unwrap();
        watch(&mut command, backend);
        command
    }

    /// As root, with tables of 300 MB and far less memory.
    fn limited(&self, group: &MemoryGroup, backend: &str) -> Command {
        let config = self.folder.path().join("config.yml");
        std::fs::write(&config, "limits: { flows: 2000000 }\n").unwrap();
        let mut command = self.lab.server.command(self.binary());
        watch(&mut command, backend);
        command.arg("--config").arg(config);
        group.command(&command)
    }

    /// `auto` must choose libpcap, say why with all of `words` in one line and nothing else of it,
    /// and record a real hello.
    fn falls_back(&self, mut command: Command, words: &[&str]) {
        let agent = Agent::spawn(&mut command).unwrap();
        let client = clients::by_name("openssl").unwrap();
        self.lab.add_host(&client.host(), SERVER_V4.into()).unwrap();
        assert!(client.run(&self.lab, &client.host(), 443).unwrap().success());
        let records = agent.wait_for(1, PATIENCE, |record| record["ja4"].is_string()).unwrap();
        let log = agent.log();
        let [record] = &records[..] else { panic!("{} records: {log}", records.len()) };
        assert_eq!((&record["backend"], &record["sni"]), (&"pcap".into(), &client.host().into()));

        let lines: Vec<&str> = log.lines().filter(|line| line.contains("eBPF")).collect();
        let [line] = lines[..] else { panic!("not one line: {log}") };
        assert!(
            line.contains("\"backend\":\"pcap\"") && !log.contains("\"level\":\"error\""),
            "{log}"
        );
        says(line, words);
        agent.stop().unwrap();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn watch(command: &mut Command, backend: &str) {
    command.args(["run", "--interface", SERVER_INTERFACE, "--ports", "443", "--backend", backend]);
}

/// The agent must end by itself with 1; gives the line that says why.
fn refuses(mut command: Command, words: &[&str]) {
    let ended = Process::spawn(&mut command).unwrap().finish(PATIENCE);
    let Finished { status: Some(status), stderr, .. } = &ended else { panic!("{ended:?}") };
    assert_eq!(status.code(), Some(1), "{stderr}");
    let failures: Vec<&str> = stderr.lines().filter(|line| line.contains("failed\"")).collect();
    let [line] = failures[..] else { panic!("not one line: {stderr}") };
    says(line, words);
}

/// Each of these words stands in the line, and the system's own no more than once.
fn says(line: &str, words: &[&str]) {
    for word in words {
        assert!(line.contains(word), "no `{word}` in {line}");
    }
    let causes = line.matches("failed to").count();
    assert!(causes <= 1, "the cause is said {causes} times: {line}");
}

#[test]
fn without_a_capability_that_ebpf_needs() {
    let place = Place::new();
    for (missing, left) in [
        ("CAP_BPF", ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON"]),
        ("CAP_NET_ADMIN", ["CAP_BPF", "CAP_NET_RAW", "CAP_PERFMON"]),
    ] {
        let words = ["the kernel does not permit it", "Operation not permitted", missing, "root"];
        place.falls_back(place.confined(&left, "auto"), &words);
        refuses(place.confined(&left, "ebpf"), &[&words[..], &["--backend pcap"]].concat());
    }
}

#[test]
fn where_memory_does_not_suffice_for_the_tables() {
    let place = Place::new();
    let group = MemoryGroup::new(64 << 20).unwrap();
    let words = ["no memory for the kernel's tables", "Cannot allocate memory", "control group"];
    place.falls_back(place.limited(&group, "auto"), &words);
    refuses(place.limited(&group, "ebpf"), &words);
}
