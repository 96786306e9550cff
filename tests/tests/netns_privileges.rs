//! A running agent has given up what it does not need, in every thread, and does its work.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
/// Nobody's, as far as any file of this machine goes.
const USER: u32 = 64_244;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;

/// A lab, a server in it, and a folder `out` that belongs to the agent's user.
struct Place {
    _server: TlsServer,
    lab: Lab,
    here: PathBuf,
}

impl Place {
    fn new() -> Self {
        let lab = Lab::new(&Link::default()).expect("a lab");
        let here = lab.directory();
        fs::set_permissions(&here, PermissionsExt::from_mode(0o755)).expect("a mode");
        let server = TlsServer::start(&lab, &Settings::default()).expect("a server");
        let place = Self { _server: server, lab, here };
        place.folder("out", USER);
        place.folder("run", USER);
        place
    }

    fn folder(&self, name: &str, owner: u32) -> PathBuf {
        let path = self.here.join(name);
        fs::create_dir(&path).expect("a folder");
        chown(&path, Some(owner), Some(owner)).expect("an owner");
        path
    }

    fn write(&self, backend: &str, output: &str, more: &str) -> PathBuf {
        let config = self.here.join("config.yml");
        let (output, run) = (self.here.join(output), self.here.join("run"));
        let text = format!(
            "core: {{ interface: [{SERVER_INTERFACE}, 'new*'], listen_ports: 443, \
             backend: {backend} }}\n\
             metrics: {{ listen: 'unix:{run}/metrics.sock' }}\n\
             control: {{ socket: {run}/control.sock }}\n\
             outputs:\n\
             - {{ type: file, params: {{ path: {output}, flush_interval: 50ms }} }}\n{more}",
            run = run.display(),
            output = output.display(),
        );
        fs::write(&config, text).expect("a file");
        config
    }

    fn start(&self, backend: &str, output: &str, more: &str) -> Agent {
        let config = self.write(backend, output, more);
        let arguments = ["--config", config.to_str().expect("a path")];
        Agent::start(&self.lab.server, &built_binary().expect("a binary"), &arguments)
            .expect("an agent")
    }

    /// A client connects; its record must come into the file.
    fn record_in(&self, agent: &Agent, file: &str) {
        let path = self.here.join(file);
        let lines = || fs::read_to_string(&path).map_or(0, |text| text.lines().count());
        let before = lines();
        let client = clients::by_name("openssl").expect("a client");
        self.lab.add_host(&client.host(), SERVER_V4.into()).expect("a host");
        client.run(&self.lab, &client.host(), 443).expect("a connection");
        assert!(wait_until(DEADLINE, || lines() > before), "{file}: {}", agent.log());
    }
}

fn user() -> String {
    format!("privileges: {{ user: '{USER}' }}\n")
}

fn says(agent: &Agent, text: &str) {
    assert!(wait_until(DEADLINE, || agent.log().contains(text)), "{text}: {}", agent.log());
}

/// Every thread has exactly this.
fn expect_threads(agent: &Agent, user: u32, capabilities: u64, confined: bool) {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.id())).expect("threads");
    let mut threads = 0;
    for task in tasks.flatten() {
        let status = fs::read_to_string(task.path().join("status")).expect("a status");
        let has = |name: &str, value: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), value, "{status}");
        };
        has("Uid:", &format!("{user} {user} {user} {user}"));
        has("Gid:", &format!("{user} {user} {user} {user}"));
        for set in ["CapPrm:", "CapEff:", "CapBnd:"] {
            has(set, &format!("{capabilities:016x}"));
        }
        for set in ["CapInh:", "CapAmb:"] {
            has(set, &format!("{:016x}", 0));
        }
        has("NoNewPrivs:", if confined { "1" } else { "0" });
        has("Seccomp:", if confined { "2" } else { "0" });
        threads += 1;
    }
    // The main thread and one an output at least.
    assert!(threads >= 2, "{threads} threads");
}

#[test]
fn every_thread_is_confined_and_the_work_goes_on() {
    for (backend, kept) in BACKENDS.into_iter().zip([NET_ADMIN, NET_RAW]) {
        let place = Place::new();
        let agent = place.start(backend, "out/a.log", &user());
        says(&agent, "\"message\":\"confined\"");
        for word in ["\"no_new_privs\":true", "\"landlock\":\"on\"", "\"seccomp\":true"] {
            says(&agent, word);
        }
        place.record_in(&agent, "out/a.log");
        expect_threads(&agent, USER, kept, true);
        assert_eq!(fs::metadata(place.here.join("out/a.log")).unwrap().uid(), USER);

        // Interfaces that come are watched, with what was kept.
        let add = ["link", "add", "new0", "type", "veth", "peer", "name", "peer0"];
        place.lab.server.run("ip", &add).unwrap();
        place.lab.server.run("ip", &["link", "set", "new0", "up"]).unwrap();
        says(&agent, "\"interface\":\"new0\"");
        place.record_in(&agent, "out/a.log");
        // libpcap wants it to be up, which it may not be at once; a missing right would last.
        let said = |words: &str| agent.log().matches(words).count();
        let is_well = || said("not all interfaces") == said("all interfaces are watched again");
        assert!(wait_until(DEADLINE, is_well), "{}", agent.log());

        // logrotate moves the file, and the user makes it anew.
        fs::rename(place.here.join("out/a.log"), place.here.join("out/a.log.1")).unwrap();
        agent.signal(libc::SIGUSR1);
        place.record_in(&agent, "out/a.log");
        assert_eq!(fs::metadata(place.here.join("out/a.log")).unwrap().uid(), USER);
        agent.stop().map(drop).or_else(only_of_records).unwrap();
        assert_eq!(fs::read_dir(place.here.join("run")).unwrap().count(), 0, "sockets stay behind");
    }
}

/// `Agent::stop` counts the records on standard output, of which there are none.
fn only_of_records(error: anyhow::Error) -> anyhow::Result<()> {
    if error.to_string().contains("records were not written") { Ok(()) } else { Err(error) }
}

#[test]
fn a_reload_cannot_reach_beyond_and_changes_nothing_then() {
    let place = Place::new();
    let agent = place.start("ebpf", "out/a.log", &user());
    place.folder("elsewhere", USER);
    place.write("ebpf", "elsewhere/a.log", &user());
    agent.signal(libc::SIGHUP);
    says(&agent, "outside of what the agent kept access to at its start");
    says(&agent, "restart the agent to take this over");
    place.record_in(&agent, "out/a.log");
    assert!(!place.here.join("elsewhere/a.log").exists());
    // Within, all is as ever.
    place.write("ebpf", "out/b.log", &user());
    agent.signal(libc::SIGHUP);
    says(&agent, "configuration taken over");
    place.record_in(&agent, "out/b.log");

    // The kernel itself keeps it in, should the folder be swapped under its feet.
    fs::rename(place.here.join("out"), place.here.join("moved")).unwrap();
    symlink(place.here.join("elsewhere"), place.here.join("out")).unwrap();
    agent.signal(libc::SIGUSR1);
    let client = clients::by_name("openssl").unwrap();
    client.run(&place.lab, &client.host(), 443).unwrap();
    says(&agent, "output takes no records");
    says(&agent, &format!("user {USER} must be able to write it"));
    assert!(!place.here.join("elsewhere/b.log").exists());
}

#[test]
fn without_following_nothing_is_kept() {
    let place = Place::new();
    for (backend, more) in BACKENDS.into_iter().zip(["a", "b"]) {
        let config = place.write(backend, &format!("out/{more}.log"), &user());
        let text = fs::read_to_string(&config).unwrap();
        let text = text.replace("core: {", "core: { follow_interfaces: false,");
        fs::write(&config, &text).unwrap();
        let arguments = ["--config", config.to_str().unwrap()];
        let binary = built_binary().unwrap();
        let agent = Agent::start(&place.lab.server, &binary, &arguments).unwrap();
        place.record_in(&agent, &format!("out/{more}.log"));
        expect_threads(&agent, USER, 0, true);
        fs::write(&config, text.replace("'new*'", "lo")).unwrap();
        agent.signal(libc::SIGHUP);
        says(&agent, "the agent gave up watching other interfaces");
        place.record_in(&agent, &format!("out/{more}.log"));
        agent.stop().map(drop).or_else(only_of_records).unwrap();
    }
}

#[test]
fn each_can_be_switched_off() {
    let place = Place::new();
    let all: u64 = {
        let own = fs::read_to_string("/proc/self/status").unwrap();
        let mask = own.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap()
    };
    let off = "privileges: { drop_capabilities: false, no_new_privileges: false, landlock: off, \
               seccomp: off }\n";
    let agent = place.start("ebpf", "out/a.log", off);
    says(&agent, "\"landlock\":\"off\"");
    place.record_in(&agent, "out/a.log");
    expect_threads(&agent, 0, all, false);
    // Nothing holds a reload back.
    place.folder("elsewhere", 0);
    place.write("ebpf", "elsewhere/a.log", off);
    agent.signal(libc::SIGHUP);
    says(&agent, "configuration taken over");
    place.record_in(&agent, "elsewhere/a.log");
}

#[test]
fn a_folder_of_another_user_is_told_with_its_remedy() {
    let place = Place::new();
    place.folder("root", 0);
    let agent = place.start("ebpf", "root/a.log", &user());
    let client = clients::by_name("openssl").unwrap();
    place.lab.add_host(&client.host(), SERVER_V4.into()).unwrap();
    client.run(&place.lab, &client.host(), 443).unwrap();
    says(&agent, &format!("user {USER} must be able to write it"));
    drop(agent);
    // The doctor knows it before.
    let config = place.here.join("config.yml");
    let mut doctor = place.lab.server.command(built_binary().unwrap());
    doctor.args(["doctor", "--config", config.to_str().unwrap()]);
    let said = Process::spawn(&mut doctor).unwrap().finish(DEADLINE);
    assert_eq!(said.status.and_then(|status| status.code()), Some(1), "{said:?}");
    assert!(said.stdout.contains(&format!("user {USER}, capabilities CAP_NET_ADMIN")), "{said:?}");
    assert!(said.stdout.contains("landlock on, seccomp on"), "{said:?}");
    assert!(said.stdout.contains("root/a.log and its directory"), "{said:?}");
}

#[test]
fn a_user_that_is_not_there_or_cannot_be_taken_is_told() {
    let place = Place::new();
    let end = |user: &str, before: &[&str]| {
        let privileges = format!("privileges: {{ user: {user} }}\n");
        let config = place.write("pcap", "out/a.log", &privileges);
        let mut command = match before {
            [] => place.lab.server.command(built_binary().unwrap()),
            [program, arguments @ ..] => {
                let mut command = place.lab.server.command(program);
                command.args(arguments).arg(built_binary().unwrap());
                command
            }
        };
        command.args(["run", "--config", config.to_str().unwrap()]);
        let ended = Process::spawn(&mut command).unwrap().finish(DEADLINE);
        assert_eq!(ended.status.and_then(|status| status.code()), Some(1), "{ended:?}");
        ended.stderr
    };
    let said = end("nobody-of-this-name", &[]);
    assert!(said.contains("there is no user nobody-of-this-name"), "{said}");
    let said = end("daemon", &["setpriv", "--bounding-set=-setuid"]);
    assert!(said.contains("cannot become user daemon"), "{said}");
    assert!(said.contains("CAP_SETUID"), "{said}");
}

#[test]
fn sockets_are_not_for_the_world() {
    let place = Place::new();
    let agent = place.start("ebpf", "out/a.log", &user());
    for (name, mode) in [("control.sock", 0o600), ("metrics.sock", 0o660)] {
        let socket = place.here.join("run").join(name);
        let found = fs::metadata(&socket).unwrap();
        assert_eq!(found.mode() & 0o777, mode, "{name}");
        assert_eq!((found.uid(), found.gid()), (USER, USER), "{name}");
    }
    let stats = |user: u32| {
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={user}")]);
        command.arg("--clear-groups").arg(copy_of_binary(&place.here));
        command.args(["stats", "--socket"]).arg(place.here.join("run/control.sock"));
        command.output().unwrap().status.success()
    };
    assert!(stats(0) && stats(USER), "{}", agent.log());
    assert!(!stats(USER + 1), "another user was answered");
}

/// The program where any user may look.
fn copy_of_binary(here: &Path) -> PathBuf {
    let copy = here.join("ja4sentinel");
    if !copy.exists() {
        fs::copy(built_binary().unwrap(), &copy).unwrap();
    }
    copy
}
