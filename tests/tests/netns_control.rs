//! The control socket of a running agent, and the commands that ask it.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(15);

/// An agent with a configuration file, and its control socket.
struct Service {
    agent: Agent,
    config: PathBuf,
    socket: PathBuf,
}

impl Service {
    fn start(lab: &Lab, backend: &str) -> Self {
        let socket = lab.directory().join("run/control.sock");
        let config = lab.directory().join("config.yml");
        fs::write(&config, text(backend, &socket)).expect("a file");
        let arguments = ["--config", config.to_str().expect("a path")];
        let binary = built_binary().expect("the agent");
        let agent = Agent::start(&lab.server, &binary, &arguments).expect("an agent");
        Self { agent, config, socket }
    }

    /// Runs `ja4sentinel ARGUMENTS --socket SOCKET`.
    fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(built_binary().expect("the agent"));
        command.args(arguments).arg("--socket").arg(&self.socket).output().expect("a command")
    }

    /// Its standard output; it ended well.
    fn answer(&self, arguments: &[&str]) -> String {
        let output = self.ask(arguments);
        assert!(output.status.success(), "{output:?}\n{}", self.agent.log());
        String::from_utf8(output.stdout).expect("text")
    }

    fn stats(&self) -> Value {
        serde_json::from_str(&self.answer(&["stats", "--format", "json"])).expect("JSON")
    }

    fn said(&self, text: &str) -> bool {
        self.agent.log().contains(text)
    }

    fn reload(&self, text: &str, answer: &str) {
        fs::write(&self.config, text).expect("a file");
        self.agent.signal(libc::SIGHUP);
        assert!(wait_until(DEADLINE, || self.said(answer)), "{}", self.agent.log());
    }
}

fn text(backend: &str, socket: &Path) -> String {
    format!(
        "core: {{ interface: {SERVER_INTERFACE}, backend: {backend} }}\n\
         control: {{ socket: {} }}\n",
        socket.display()
    )
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).expect("text")
}

#[test]
fn stats_are_those_of_the_records_written() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let service = Service::start(&lab, backend);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&service.socket), 0o600);
        assert_eq!(mode(service.socket.parent().expect("a directory")), 0o750);
        let openssl = clients::by_name("openssl").expect("a known client");
        for _ in 0..3 {
            assert!(openssl.run(&lab, &SERVER_V4.to_string(), 443).unwrap().success());
        }
        assert_eq!(service.agent.wait_for(3, DEADLINE, |_| true).unwrap().len(), 3);
        let delivered = |stats: &Value| stats["outputs"][0]["delivered"].as_u64();
        assert!(wait_until(DEADLINE, || delivered(&service.stats()) == Some(3)));
        let stats = service.stats();
        assert_eq!(stats["balanced"], true, "{stats:#}");
        assert_eq!(stats["ready"], true);
        assert_eq!(stats["backend"], backend);
        assert_eq!(stats["interfaces"][0]["name"], SERVER_INTERFACE);
        assert_eq!(stats["interfaces"][0]["records"], 3);
        assert_eq!(stats["ring"]["size"].is_u64(), backend == "ebpf");
        let stages = stats["stages"].as_array().expect("stages");
        let connections = stages.iter().find(|stage| stage["name"] == "connections");
        assert_eq!(connections.expect("the stage")["passed"], 3);

        let text = service.answer(&["stats"]);
        assert!(text.contains("the ledger balances"), "{text}");
        let row = text.lines().find(|line| line.starts_with("connections")).expect("a row");
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["connections", "3", "3", "0", "-", "-"]
        );

        service.agent.stop().unwrap();
        assert!(!lab.directory().join("run").exists(), "socket and directory are gone");
    }
}

#[test]
fn the_log_level_changes_while_the_agent_runs() {
    let lab = Lab::new(&Link::default()).unwrap();
    let service = Service::start(&lab, "auto");
    assert_eq!(service.answer(&["log-level"]), "info\n");
    assert_eq!(service.answer(&["log-level", "error"]), "error\n");
    service.agent.signal(libc::SIGHUP);
    std::thread::sleep(Duration::from_secs(1));
    assert!(!service.said("configuration taken over"), "not at this level");
    assert_eq!(service.answer(&["log-level", "debug"]), "debug\n");
    assert!(wait_until(DEADLINE, || service.said("log level set by hand")));
    let quiet = text("auto", &service.socket).replace(" backend", " log_level: info, backend");
    service.reload(&quiet, "configuration taken over");
    assert_eq!(service.answer(&["log-level"]), "debug\n", "the file says nothing new");
    service.reload(&quiet.replace("info", "warn"), "configuration taken over");
    assert!(wait_until(DEADLINE, || service.answer(&["log-level"]) == "warn\n"));
    let output = service.ask(&["log-level", "loud"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn nobody_can_abuse_the_socket() {
    let lab = Lab::new(&Link::default()).unwrap();
    let service = Service::start(&lab, "auto");
    let send = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&service.socket).expect("a connection");
        // It may have hung up before it has read all.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    for request in
        [&b"nonsense\n"[..], b"stats more\n", b"\n", b"", b"log-level loud\n", &[b'x'; 64]]
    {
        assert!(send(request).starts_with("{\"error\":"), "{request:?}");
    }
    assert!(send(&[0xff; 100_000]).len() < 200);
    assert!(send(b"stats").contains("\"stages\""), "without an end of line");

    // Clients that say nothing are given up, and others have their turn.
    let idle: Vec<_> =
        (0..10).map(|_| UnixStream::connect(&service.socket).expect("a connection")).collect();
    let begin = Instant::now();
    assert!(service.answer(&["stats"]).contains("connections"));
    assert!(begin.elapsed() > Duration::from_secs(2), "some were before us");
    drop(idle);

    // Another user, even where the file's mode would let it in.
    fs::set_permissions(&service.socket, Permissions::from_mode(0o666)).unwrap();
    for directory in [lab.directory(), lab.directory().join("run")] {
        fs::set_permissions(directory, Permissions::from_mode(0o755)).unwrap();
    }
    // The program itself may lie where that user cannot reach it.
    let program = lab.directory().join("ja4sentinel");
    fs::copy(built_binary().unwrap(), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    let output = command.args(["stats", "--socket"]).arg(&service.socket).output().unwrap();
    assert!(error(&output).contains("only the agent's own user and root"), "{output:?}");
    assert!(service.answer(&["stats"]).contains("connections"));
    service.agent.stop().unwrap();
}

#[test]
fn an_agent_without_the_socket_runs_all_the_same() {
    let lab = Lab::new(&Link::default()).unwrap();
    let mut service = Service::start(&lab, "auto");
    let first = service.socket.clone();
    service.socket = lab.directory().join("run/other.sock");
    service.reload(&text("auto", &service.socket), "\"changed\":\"control\"");
    assert!(!first.exists());
    assert_eq!(service.answer(&["log-level"]), "info\n");

    let nowhere = lab.directory().join("run/nowhere/x");
    service.reload(&text("auto", &nowhere), "no control socket");
    assert!(wait_until(DEADLINE, || !service.socket.exists()));
    assert!(error(&service.ask(&["stats"])).contains("no agent listens at"));
    let off = "core: { interface: server0 }\ncontrol: { enabled: false }\n";
    service.reload(off, "\"changed\":\"control\"");
    service.agent.stop().unwrap();
}
