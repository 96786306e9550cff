//! What a service manager hears (sd_notify(3)), over real sockets.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
/// The watchdog's time, and half of it.
const WATCHDOG: Duration = Duration::from_secs(1);
const BEAT: Duration = Duration::from_millis(500);

/// The service manager's end.
struct Ear(UnixDatagram);

impl Ear {
    /// The next message within this time.
    fn hear(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within)).expect("a time");
        let mut bytes = [0; 4096];
        let length = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes.get(..length)?.to_vec()).expect("text"))
    }

    /// The next message that begins so; signs of life come in between.
    fn wait_for(&self, begin: &str) -> String {
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            match self.hear(DEADLINE) {
                Some(message) if message.starts_with(begin) => return message,
                Some(_) => {}
                None => break,
            }
        }
        panic!("never heard {begin}");
    }

    /// How often a sign of life comes within this time.
    fn beats(&self, within: Duration) -> usize {
        let end = Instant::now() + within;
        let mut beats = 0;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|t| !t.is_zero()) {
            beats += usize::from(self.hear(left).is_some_and(|message| message == "WATCHDOG=1"));
        }
        beats
    }
}

/// A socket in the file system, or one in the abstract namespace of the agent's network.
fn ear(lab: &Lab, address: &str) -> Ear {
    let socket = match address.strip_prefix('@') {
        None => UnixDatagram::bind(address),
        Some(name) => lab
            .server
            .inside(|| {
                UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name).expect("a name"))
            })
            .expect("a namespace"),
    };
    Ear(socket.expect("a socket"))
}

#[test]
fn readiness_reload_and_end_are_told() {
    for (backend, abstract_name) in BACKENDS.into_iter().zip([false, true]) {
        let lab = Lab::new(&Link::default()).unwrap();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let path = lab.directory().join("notify");
        let path = path.to_str().expect("a path");
        let address = if abstract_name { format!("@{path}") } else { path.to_owned() };
        let ear = ear(&lab, &address);
        let config = lab.directory().join("config.yml");
        let text = format!("core: {{ interface: {SERVER_INTERFACE}, backend: {backend} }}\n");
        std::fs::write(&config, &text).unwrap();
        let arguments = ["--config", config.to_str().expect("a path")];
        let binary = built_binary().unwrap();
        let mut command = lab.server.command(binary);
        command.arg("run").args(arguments).env("NOTIFY_SOCKET", &address);
        let agent = Agent::spawn(&mut command).expect("an agent");
        let status = format!("STATUS=Watching {SERVER_INTERFACE} by {backend}: 0 connections");
        let ready = ear.hear(DEADLINE).expect("a first message");
        assert!(ready.starts_with("READY=1\n") && ready.contains(&status), "{ready}");

        let openssl = clients::by_name("openssl").expect("a known client");
        assert!(openssl.run(&lab, &SERVER_V4.to_string(), 443).unwrap().success());
        assert_eq!(agent.wait_for(1, DEADLINE, |_| true).unwrap().len(), 1);
        let later = ear.wait_for("STATUS=");
        assert!(later.contains("1 connections = 1 fingerprinted"), "{later}");
        assert_eq!(ear.hear(2 * WATCHDOG), None, "no sign of life is asked for");

        let mut reloads: Vec<(Instant, Duration)> = Vec::new();
        for text in [text.clone(), "core: nonsense\n".to_owned()] {
            std::fs::write(&config, text).unwrap();
            agent.signal(libc::SIGHUP);
            let reloading = ear.wait_for("RELOADING=1\nMONOTONIC_USEC=");
            let time: u64 = reloading.rsplit('=').next().expect("a time").parse().expect("micros");
            reloads.push((Instant::now(), Duration::from_micros(time)));
            assert!(ear.wait_for("READY=1\n").contains("1 connections"));
        }
        let [(heard, told), (heard_again, told_again)] = reloads[..] else { panic!("two") };
        let apart = (told_again - told).abs_diff(heard_again - heard);
        assert!(apart < Duration::from_secs(1), "{reloads:?}");
        agent.signal(libc::SIGTERM);
        ear.wait_for("STOPPING=1\n");
        assert_eq!(agent.stop().unwrap().records.len(), 1);
    }
}

#[test]
fn signs_of_life_come_while_the_service_lives_and_only_then() {
    let lab = Lab::new(&Link::default()).unwrap();
    let path = lab.directory().join("notify");
    let path = path.to_str().expect("a path");
    let ear = ear(&lab, path);
    let micros = WATCHDOG.as_micros().to_string();
    let start = |environment: &[(&str, &str)]| {
        let mut command = lab.server.command(built_binary().expect("the agent"));
        command.args(["run", "--interface", SERVER_INTERFACE]).env("NOTIFY_SOCKET", path);
        command.envs(environment.iter().copied());
        let agent = Agent::spawn(&mut command);
        ear.wait_for("READY=1\n");
        agent.expect("an agent")
    };
    let agent = start(&[("WATCHDOG_USEC", &micros)]);
    for _ in 0..6 {
        let begin = Instant::now();
        ear.wait_for("WATCHDOG=1");
        assert!(begin.elapsed() < WATCHDOG, "{:?}", begin.elapsed());
    }
    let beats = ear.beats(8 * BEAT);
    assert!((4..=9).contains(&beats), "{beats} in the time of 8");

    agent.signal(libc::SIGSTOP);
    ear.beats(BEAT);
    assert_eq!(ear.beats(2 * WATCHDOG), 0, "it does not move");
    agent.signal(libc::SIGCONT);
    ear.wait_for("WATCHDOG=1");
    agent.stop().unwrap();
    while ear.hear(BEAT).is_some() {}

    // A watchdog of another process is no business of ours.
    let agent = start(&[("WATCHDOG_USEC", &micros), ("WATCHDOG_PID", "1")]);
    assert_eq!(ear.beats(2 * WATCHDOG), 0);
    agent.stop().unwrap();
}
