//! The service and what its records go to: established configurations, readers that go away, disks
//! that fill up, crashes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4, SERVER_V6,
};
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::scene::BACKENDS;
use ja4sentinel_tests::scrape::Figures;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use ja4sentinel_tests::tmpfs::Tmpfs;
use ja4sentinel_tests::{captures, clients};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(20);
/// The agent looks at interfaces and addresses each second.
const FOLLOWED: Duration = Duration::from_millis(1500);
const METRICS: &str = "127.0.0.1:9443";

fn lab() -> Lab {
    Lab::new(&Link::default()).expect("a lab")
}

fn write(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let path = lab.directory().join(name);
    fs::write(&path, text).expect("a file");
    path
}

fn start(lab: &Lab, config: &Path) -> Agent {
    let arguments = ["--config", config.to_str().expect("a path")];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &arguments).expect("an agent")
}

fn connect(lab: &Lab, address: &str) {
    let openssl = clients::by_name("openssl").expect("a known client");
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    assert!(openssl.run(lab, &host, 443).expect("openssl").success());
}

/// Clients with these ports send a hello each, to a server that is not there.
fn replay(lab: &Lab, ports: std::ops::Range<u16>) {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/synthetic/alpn_00.bin");
    let hello = fs::read(golden).expect("a hello");
    let server: SocketAddr = ([203, 0, 113, 9], 443).into();
    let frames = ports.flat_map(|port| {
        let client: SocketAddr = (CLIENT_V4, port).into();
        let syn = Packet::syn(client, server, 0).frame();
        [syn, Packet::data(client, server, 1, hello.clone()).frame()]
    });
    let capture = lab.directory().join("hellos.pcap");
    fs::write(&capture, captures::pcap(1, &frames.collect::<Vec<_>>())).expect("a capture");
    let arguments = ["--quiet", "--pps", "4000", "--intf1", CLIENT_INTERFACE];
    let capture = capture.to_str().expect("a path");
    lab.client.run("tcpreplay", &[&arguments[..], &[capture]].concat()).expect("tcpreplay");
}

/// The client's ports of records; an error in a line fails the test.
fn ports(text: &str) -> Vec<u16> {
    let port = |line: &str| {
        let record: Value = serde_json::from_str(line).expect("a record");
        record["src_port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port")
    };
    text.lines().map(port).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Lines of the log that contain this text.
fn said(agent: &Agent, text: &str) -> usize {
    agent.log().lines().filter(|line| line.contains(text)).count()
}

#[test]
fn an_established_configuration_runs_unchanged() {
    let lab = lab();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let [file, socket] = ["ja4.log", "network.socket"].map(|name| lab.directory().join(name));
    let text = |interface: &str| {
        format!(
            "core:\n  interface: {interface}\n  listen_ports: [443, 8443]\n  bpf_filter: \"\"\n  \
             flow_timeout_sec: 30\n  log_level: INFO\n\noutputs:\n  - type: unix_socket\n    \
             enabled: true\n    params:\n      socket_path: {}\n  - type: file\n    enabled: true\n    \
             params:\n      path: {}\n  - type: stdout\n    enabled: true\n    params: {{}}\n",
            socket.display(),
            file.display(),
        )
    };
    // The reader of the established socket may be of either type.
    let datagrams = UnixDatagram::bind(&socket).unwrap();
    let config = write(&lab, "config.yml", &text(SERVER_INTERFACE));
    let agent = start(&lab, &config);
    connect(&lab, &SERVER_V4.to_string());
    let record = agent.wait_for(1, DEADLINE, |_| true).unwrap().remove(0);
    let mut datagram = vec![0; 1 << 16];
    let length = datagrams.recv(&mut datagram).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&datagram[..length]).unwrap(), record);
    assert!(wait_until(DEADLINE, || read(&file).ends_with('\n')), "{}", agent.log());
    assert_eq!(serde_json::from_str::<Value>(&read(&file)).unwrap(), record);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
    let names: Vec<&String> = record.as_object().expect("an object").keys().take(16).collect();
    assert_eq!(
        names,
        [
            "src_ip",
            "src_port",
            "dst_ip",
            "dst_port",
            "ip_meta_ttl",
            "ip_meta_total_length",
            "ip_meta_id",
            "ip_meta_df",
            "tcp_meta_window_size",
            "tcp_meta_mss",
            "tcp_meta_window_scale",
            "tcp_meta_options",
            "ja4",
            "ja4_hash",
            "ja3",
            "ja3_hash",
        ]
    );
    agent.stop().unwrap();

    // Environment over file.
    drop(datagrams);
    fs::remove_file(&socket).unwrap();
    let stream = UnixListener::bind(&socket).unwrap();
    let config = write(&lab, "config.yml", &text("nothing0"));
    let agent = write(
        &lab,
        "agent",
        &format!(
            "#!/bin/sh\nexport JA4SENTINEL_INTERFACE={SERVER_INTERFACE} JA4SENTINEL_PORTS=443,8443\n\
             export JA4SENTINEL_BPF_FILTER='not ip6' JA4SENTINEL_FLOW_TIMEOUT=5\n\
             export JA4SENTINEL_LOG_LEVEL=debug\nexec {} \"$@\"\n",
            built_binary().unwrap().display()
        ),
    );
    fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    let arguments = ["--config", config.to_str().expect("a path")];
    let agent = Agent::start(&lab.server, &agent, &arguments).unwrap();
    connect(&lab, &SERVER_V6.to_string());
    connect(&lab, &SERVER_V4.to_string());
    let mut line = String::new();
    let (reader, _) = stream.accept().unwrap();
    reader.set_read_timeout(Some(DEADLINE)).unwrap();
    BufReader::new(reader).read_line(&mut line).unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["dst_ip"], SERVER_V4.to_string(), "the filter leaves IPv6 out");
    assert!(said(&agent, "\"level\":\"debug\"") > 0, "{}", agent.log());
    assert_eq!(agent.stop().unwrap().records, [record]);
}

#[test]
fn client_networks_are_allowed_and_denied() {
    for backend in BACKENDS {
        let lab = lab();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let run = |lists: &str| {
            let text = format!(
                "core: {{interface: {SERVER_INTERFACE}, backend: {backend}, listen_ports: '440-450', \
                 {lists}}}\n"
            );
            let agent = start(&lab, &write(&lab, "config.yml", &text));
            connect(&lab, &SERVER_V4.to_string());
            connect(&lab, &SERVER_V6.to_string());
            let wanted = |record: &Value| record["dst_ip"] == SERVER_V6.to_string();
            assert_eq!(agent.wait_for(1, DEADLINE, wanted).unwrap().len(), 1, "{}", agent.log());
            agent.stop().unwrap().records.len()
        };
        assert_eq!(run("allow_clients: [192.0.2.0/24, 'fd4a::/64']"), 2, "{backend}");
        assert_eq!(run("allow_clients: ['fd4a::/64']"), 1, "{backend}");
        let both = "allow_clients: [192.0.2.0/24, 'fd4a::/64'], deny_clients: [192.0.2.2]";
        assert_eq!(run(both), 1, "{backend}");
    }
}

#[test]
fn interfaces_of_a_list_come_and_go_and_come_back() {
    for backend in BACKENDS {
        let lab = lab();
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        let other = lab.client.path();
        let other = other.file_name().and_then(|name| name.to_str()).expect("a name");
        let add = |number: u8| {
            let [mine, theirs] = [format!("serv{number}"), format!("cli{number}")];
            let pair =
                ["link", "add", &mine, "type", "veth", "peer", "name", &theirs, "netns", other];
            lab.server.run("ip", &pair).unwrap();
            for (side, name, host) in [(&lab.server, &mine, 1), (&lab.client, &theirs, 2)] {
                let address = format!("198.51.{number}.{host}/24");
                side.run("ip", &["addr", "add", &address, "dev", name]).unwrap();
                side.run("ip", &["link", "set", name, "up"]).unwrap();
            }
        };
        add(1);
        let text = format!(
            "core:\n  interface: [{SERVER_INTERFACE}, serv1, \"s*v?\", \"!serv3\"]\n  \
             backend: {backend}\n"
        );
        let agent = start(&lab, &write(&lab, "config.yml", &text));
        let says = |text: &str, name: &str, count: usize| {
            let found = |line: &&str| line.contains(text) && line.contains(&format!("\"{name}\""));
            let times = || agent.log().lines().filter(found).count();
            assert!(wait_until(DEADLINE, || times() == count), "{text} {name}\n{}", agent.log());
        };
        let sees = |name: &str, address: &str, count: usize| {
            connect(&lab, address);
            let wanted = |record: &Value| record["interface"] == *name;
            let records = agent.wait_for(count, DEADLINE, wanted).unwrap();
            assert_eq!(records.len(), count, "{backend} {name}\n{}", agent.log());
        };
        says("watching", "serv1", 1);
        sees("serv1", "198.51.1.1", 1);
        lab.server.run("ip", &["link", "del", "serv1"]).unwrap();
        says("gone", "serv1", 1);
        add(2);
        add(3);
        add(1);
        says("watching", "serv1", 2);
        says("watching", "serv2", 1);
        // libpcap is told of an address that came after its interface with the next look at them.
        std::thread::sleep(FOLLOWED);
        sees("serv1", "198.51.1.1", 2);
        sees("serv2", "198.51.2.1", 1);
        connect(&lab, "198.51.3.1");
        sees(SERVER_INTERFACE, &SERVER_V4.to_string(), 1);
        assert_eq!(agent.stop().unwrap().records.len(), 4, "serv3 is left out");
    }
}

#[test]
fn standard_output_that_closes_ends_nothing_while_another_output_is_there() {
    let lab = lab();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let file = lab.directory().join("records.log");
    let text = format!(
        "core: {{interface: {SERVER_INTERFACE}}}\noutputs:\n- type: stdout\n- type: file\n  \
         params: {{path: {}, flush_interval: 100ms}}\n",
        file.display()
    );
    let config = write(&lab, "config.yml", &text);
    let mut command = lab.server.command("bash");
    let binary = built_binary().unwrap();
    let script =
        format!("exec {} run --config {} > >(head -n 1)", binary.display(), config.display());
    command.args(["-c", &script]);
    let mut agent = Process::spawn(&mut command).unwrap();
    assert!(wait_until(DEADLINE, || agent.stderr().contains("\"ready\"")), "{}", agent.stderr());
    for count in 1..=5 {
        connect(&lab, &SERVER_V4.to_string());
        assert!(wait_until(DEADLINE, || read(&file).lines().count() == count), "{agent:?}");
    }
    assert!(agent.is_running());
    agent.signal(libc::SIGTERM);
    let ended = agent.finish(DEADLINE);
    assert!(ended.success(), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(!ended.stderr.contains("does not balance"), "{ended:?}");
}

#[test]
fn a_full_disk_is_counted_said_once_and_writing_resumes() {
    let lab = lab();
    let disk = Tmpfs::mount(lab.directory().join("disk"), "512k").unwrap();
    let [file, ballast] = ["records.log", "ballast"].map(|name| disk.path().join(name));
    fs::write(&ballast, vec![0; 256 << 10]).unwrap();
    let text = format!(
        "core: {{interface: {SERVER_INTERFACE}}}\nmetrics: {{listen: '{METRICS}'}}\noutputs:\n\
         - type: stdout\n- name: full\n  type: file\n  queue: 100\n  \
         params: {{path: {}, flush_interval: 100ms}}\n",
        file.display()
    );
    let agent = start(&lab, &write(&lab, "config.yml", &text));
    let figures = || Figures::scrape(&lab.server, METRICS).expect("metrics");
    let dropped = "ja4sentinel_output_dropped_total{output=\"full\",reason=\"disk_full\"}";
    replay(&lab, 10_000..11_000);
    assert!(wait_until(DEADLINE, || figures().get(dropped) > 0.0), "{}", agent.log());
    assert_eq!(agent.wait_for(1000, DEADLINE, |_| true).unwrap().len(), 1000, "not slowed");
    let before = read(&file);
    assert!(before.ends_with('\n'), "no line is cut off");

    fs::remove_file(&ballast).unwrap();
    assert!(wait_until(DEADLINE, || read(&file).len() > before.len()), "{}", agent.log());
    assert!(wait_until(DEADLINE, || said(&agent, "takes records again") == 1), "{}", agent.log());
    replay(&lab, 20_000..20_010);
    assert!(wait_until(DEADLINE, || ports(&read(&file)).last() == Some(&20_009)));
    assert_eq!(said(&agent, "takes no records"), 1, "{}", agent.log());
    let figures = figures();
    figures.check_balance().unwrap();
    let written = ports(&read(&file));
    assert!(written.is_sorted_by(|a, b| a < b), "in order, none twice");
    assert_eq!(written.len() as f64 + figures.get(dropped), 1010.0, "the loss is stated");
    agent.stop().unwrap();
}

/// Lines of a reader until nothing comes for a while.
fn read_all(stream: &UnixStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a time-out");
    let mut text = Vec::new();
    let mut buffer = [0; 1 << 16];
    let mut stream = stream;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        text.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(text).expect("text")
}

#[test]
fn a_killed_agent_loses_nothing_that_it_had_spooled() {
    let lab = lab();
    let [socket, spool] = ["socket", "spool"].map(|name| lab.directory().join(name));
    let text = format!(
        "core: {{interface: {SERVER_INTERFACE}}}\nmetrics: {{listen: '{METRICS}'}}\noutputs:\n\
         - type: stdout\n- name: socket\n  type: unix_socket\n  \
         params: {{socket_path: {}, spool_dir: {}}}\n",
        socket.display(),
        spool.display()
    );
    let config = write(&lab, "config.yml", &text);
    let spooled = |agent: &Agent, count: f64| {
        let figure = "ja4sentinel_output_spooled{output=\"socket\"}";
        let is = || Figures::scrape(&lab.server, METRICS).expect("metrics").get(figure);
        assert!(wait_until(DEADLINE, || is() == count), "{} {}", is(), agent.log());
    };
    let agent = start(&lab, &config);
    replay(&lab, 10_000..11_000);
    spooled(&agent, 1000.0);
    agent.signal(libc::SIGKILL);
    drop(agent);

    // It finds them, and is killed once more while its reader has taken some and stopped.
    let listener = UnixListener::bind(&socket).unwrap();
    let agent = start(&lab, &config);
    replay(&lab, 20_000..20_100);
    let (stream, _) = listener.accept().unwrap();
    let mut first = vec![0; 4096];
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    (&stream).read_exact(&mut first).unwrap();
    assert_eq!(agent.wait_for(100, DEADLINE, |_| true).unwrap().len(), 100);
    // What is still in memory would be lost by a kill.
    let on_disk = || {
        let figures = Figures::scrape(&lab.server, METRICS).expect("metrics");
        let of =
            |name: &str| figures.get(&format!("ja4sentinel_output_{name}{{output=\"socket\"}}"));
        of("given_total") == 1100.0 && of("queued") == 0.0
    };
    assert!(wait_until(DEADLINE, on_disk), "{}", agent.log());
    agent.signal(libc::SIGKILL);
    drop(agent);
    let first = String::from_utf8(first).unwrap() + &read_all(&stream);
    let whole = first.rfind('\n').map_or("", |end| &first[..=end]);

    let agent = start(&lab, &config);
    let (stream, _) = listener.accept().unwrap();
    let mut all = ports(whole);
    let taken = all.len();
    all.extend(ports(&read_all(&stream)));
    let given = all.len();
    all.sort_unstable();
    all.dedup();
    let expected = Vec::from_iter((10_000..11_000).chain(20_000..20_100));
    assert!(all == expected, "{} of {}", all.len(), expected.len());
    assert!(given - all.len() <= taken, "twice at most what was on its way: {given} {taken}");
    spooled(&agent, 0.0);
    Figures::scrape(&lab.server, METRICS).unwrap().check_balance().unwrap();
    agent.stop().unwrap();
}
