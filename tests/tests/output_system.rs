//! Outputs against the system's own programs: rsyslog, logrotate, openssl, and a full file system.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it goes wrong")]

mod output_support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use ja4sentinel::output::{
    Facility, FileConfig, HostPort, OutputConfig, Outputs, Reason, SinkConfig, SyslogConfig,
    SyslogTransport, TcpConfig, TlsConfig,
};
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, CLIENT_V4, Lab, Link};
use ja4sentinel_tests::process::{Process, find_program};
use ja4sentinel_tests::tmpfs::Tmpfs;
use output_support::{deliver, numbers, only, soon, wait_until};

fn program(name: &str) -> Command {
    let file = find_program(name);
    Command::new(file.unwrap_or_else(|| panic!("{name} is missing: cargo xtask setup --for test")))
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn file_config(path: &Path) -> OutputConfig {
    OutputConfig::new(SinkConfig::File(FileConfig::new(path.to_owned())))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn local(port: u16) -> HostPort {
    HostPort { host: "127.0.0.1".into(), port }
}

#[test]
fn a_full_disk_loses_only_what_it_names_and_writing_resumes() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Tmpfs::mount(dir.path().join("disk"), "1m").unwrap();
    let (path, ballast) = (disk.path().join("a.log"), disk.path().join("ballast"));
    fs::write(&ballast, vec![0; 512 << 10]).unwrap();
    let mut config = file_config(&path);
    config.queue = 300;
    let outputs = Outputs::start(&[config]);
    let mut given = 0;
    wait_until("the disk is full and the queue too", || {
        deliver(&outputs, given..given + 10);
        given += 10;
        std::thread::sleep(Duration::from_millis(1));
        only(&outputs.counts()).dropped_for(Reason::DiskFull) > 0
    });
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'), "no line is cut off while the disk is full");
    let before = numbers(&text).len();
    assert!(before > 100, "{before}");

    fs::remove_file(&ballast).unwrap();
    wait_until("writing resumes", || numbers(&fs::read_to_string(&path).unwrap()).len() > before);
    let counts = outputs.drain(soon());
    let counts = only(&counts);
    let read = numbers(&fs::read_to_string(&path).unwrap());
    assert!(read.is_sorted_by(|a, b| a < b), "in order, none twice");
    assert_eq!(read.len() as u64, counts.delivered);
    assert!(counts.balanced() && counts.queued == 0, "{counts:?}");
    assert_eq!(counts.given, given);
    assert_eq!(counts.delivered + counts.dropped_for(Reason::DiskFull), given);
}

#[test]
fn logrotate_moves_the_file_and_no_record_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let script = dir.path().join("logrotate.conf");
    let rules = "rotate 50\n nocreate\n size 1\n su root root\n";
    fs::write(&script, format!("{} {{\n {rules} }}\n", path.display())).unwrap();
    let state = dir.path().join("state");
    let outputs = Outputs::start(&[file_config(&path)]);
    for round in 0..5 {
        deliver(&outputs, round * 1000..(round + 1) * 1000);
        wait_until("something is in the file", || {
            path.metadata().is_ok_and(|metadata| metadata.len() > 0)
        });
        run(program("logrotate").arg("--force").arg("--state").arg(&state).arg(&script));
        outputs.reopen();
    }
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced() && only(&counts).delivered == 5000, "{counts:?}");
    let rotated = (1..=50).rev().map(|number| dir.path().join(format!("a.log.{number}")));
    let files: Vec<String> =
        rotated.chain([path]).filter_map(|file| fs::read_to_string(file).ok()).collect();
    assert!(files.len() >= 5, "{}", files.len());
    assert_eq!(numbers(&files.concat()), Vec::from_iter(0..5000));
}

#[test]
fn rsyslog_understands_every_transport() {
    let dir = tempfile::tempdir().unwrap();
    let [socket, log] = ["socket", "log"].map(|name| dir.path().join(name));
    let (tcp, udp) = (free_port(), free_port());
    let config = format!(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\nmodule(load=\"imudp\")\n\
         module(load=\"imtcp\")\n\
         global(workDirectory=\"{dir}\" maxMessageSize=\"64k\")\n\
         input(type=\"imuxsock\" Socket=\"{socket}\" UseSpecialParser=\"off\" ParseHostname=\"on\"\n  \
         RateLimit.Interval=\"0\")\n\
         input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" rcvbufSize=\"4m\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\")\n\
         template(name=\"t\" type=\"string\"\n  \
         string=\"%syslogfacility-text% %app-name% %msgid% %msg%\\n\")\n\
         *.* action(type=\"omfile\" file=\"{log}\" template=\"t\")\n",
        dir = dir.path().display(),
        socket = socket.display(),
        log = log.display(),
    );
    let file = dir.path().join("rsyslog.conf");
    fs::write(&file, config).unwrap();
    let pid = dir.path().join("pid");
    let _rsyslog =
        Process::spawn(program("rsyslogd").arg("-n").arg("-f").arg(&file).arg("-i").arg(&pid))
            .unwrap();
    wait_until("rsyslog listens", || socket.exists() && pid.exists());

    let transports = [
        SyslogTransport::Unix(socket),
        SyslogTransport::Udp(local(udp)),
        SyslogTransport::Tcp(local(tcp)),
    ];
    let mut from = 0;
    for transport in transports {
        let facility = Facility::named("local3").unwrap();
        let sink = SinkConfig::Syslog(SyslogConfig { transport, facility });
        let outputs = Outputs::start(&[OutputConfig::new(sink)]);
        deliver(&outputs, from..from + 100);
        from += 100;
        let counts = outputs.drain(soon());
        assert!(only(&counts).balanced() && only(&counts).delivered == 100, "{counts:?}");
        let lines = || fs::read_to_string(&log).unwrap_or_default().lines().count() as u64;
        wait_until("rsyslog has written them", || lines() >= from);
    }
    let text = fs::read_to_string(&log).unwrap();
    let messages: Vec<&str> = text
        .lines()
        .map(|line| {
            line.strip_prefix("local3 ja4sentinel hello ").unwrap_or_else(|| panic!("{line}"))
        })
        .collect();
    assert_eq!(numbers(&messages.join("\n")), Vec::from_iter(0..300));
}

/// A certificate for `localhost` that vouches for itself, and its key.
fn certificate(directory: &Path) -> (PathBuf, PathBuf) {
    let [config, key, certificate] = ["c.cnf", "key", "cert"].map(|name| directory.join(name));
    fs::write(
        &config,
        "[req]\ndistinguished_name = d\nx509_extensions = e\n[d]\n[e]\n\
         basicConstraints = critical,CA:FALSE\nsubjectAltName = DNS:localhost\n",
    )
    .unwrap();
    run(program("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-config"])
        .arg(&config)
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate));
    (key, certificate)
}

fn tls_server(port: u16, key: &Path, certificate: &Path) -> Process {
    // It ends with its standard input.
    let server = "sleep 600 | openssl s_server -quiet";
    let (key, certificate) = (key.display(), certificate.display());
    Process::spawn(
        program("sh")
            .arg("-c")
            .arg(format!("{server} -accept 127.0.0.1:{port} -key {key} -cert {certificate}")),
    )
    .unwrap()
}

fn tls_output(port: u16, ca: &Path, server_name: &str) -> Outputs {
    let mut tcp = TcpConfig::new(local(port));
    tcp.tls =
        Some(TlsConfig { ca_file: Some(ca.to_owned()), server_name: Some(server_name.to_owned()) });
    Outputs::start(&[OutputConfig::new(SinkConfig::Tcp(tcp))])
}

#[test]
fn records_go_to_a_server_in_tls_also_after_its_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = certificate(dir.path());
    let port = free_port();
    let server = tls_server(port, &key, &certificate);
    let outputs = tls_output(port, &certificate, "localhost");
    deliver(&outputs, 0..2000);
    wait_until("all arrived", || server.stdout().lines().count() >= 2000);
    assert_eq!(numbers(&server.stdout()), Vec::from_iter(0..2000));
    drop(server);
    deliver(&outputs, 2000..3000);
    wait_until("the loss was noticed", || only(&outputs.counts()).retried > 0);
    let server = tls_server(port, &key, &certificate);
    wait_until("the rest arrived", || server.stdout().lines().count() >= 1000);
    assert_eq!(numbers(&server.stdout()), Vec::from_iter(2000..3000));
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced() && only(&counts).delivered == 3000, "{counts:?}");
}

#[test]
fn a_server_that_is_not_the_one_meant_gets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = certificate(dir.path());
    let port = free_port();
    let server = tls_server(port, &key, &certificate);
    let outputs = tls_output(port, &certificate, "other.example");
    deliver(&outputs, 0..10);
    wait_until("it was tried", || only(&outputs.counts()).retried > 2);
    let counts = outputs.drain(Instant::now() + Duration::from_millis(100));
    assert_eq!((only(&counts).delivered, only(&counts).dropped_for(Reason::Shutdown)), (0, 10));
    assert!(only(&counts).balanced());
    assert_eq!(server.stdout(), "");
}

/// A connection of which nothing is heard for half a minute is given up; and then some.
const GIVEN_UP: Duration = Duration::from_secs(40);

#[test]
fn a_server_that_vanishes_without_a_word_is_given_up_and_found_again() {
    let lab = Lab::new(&Link::default()).unwrap();
    let listener = lab.client.inside(|| TcpListener::bind((CLIENT_V4, 0)).unwrap()).unwrap();
    let address =
        HostPort { host: CLIENT_V4.to_string(), port: listener.local_addr().unwrap().port() };
    let config = OutputConfig::new(SinkConfig::Tcp(TcpConfig::new(address)));
    // Its thread lives where it was started.
    let outputs = lab.server.inside(|| Outputs::start(&[config])).unwrap();
    let client = |state| lab.client.run("ip", &["link", "set", CLIENT_INTERFACE, state]).unwrap();
    deliver(&outputs, 0..100);
    let (stream, _) = listener.accept().unwrap();
    let mut first = BufReader::new(&stream).lines().take(100).map(|line| line.unwrap() + "\n");
    assert_eq!(numbers(&first.by_ref().collect::<String>()), Vec::from_iter(0..100));

    client("down");
    let (begin, mut given) = (Instant::now(), 100);
    while begin.elapsed() < GIVEN_UP {
        deliver(&outputs, [given]);
        given += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
    let handed_over = only(&outputs.counts()).delivered;
    client("up");
    listener.set_nonblocking(true).unwrap();
    let mut accepted = listener.accept();
    wait_until("it is found again", || {
        accepted = listener.accept();
        accepted.is_ok()
    });
    let (stream, _) = accepted.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    deliver(&outputs, given..given + 100);
    given += 100;
    let counts = outputs.drain(soon());
    drop(outputs);
    let read: Vec<String> = BufReader::new(stream).lines().map(|line| line.unwrap()).collect();
    // What the kernel had taken for the lost connection is gone with it, and nothing else.
    assert_eq!(numbers(&read.join("\n")), Vec::from_iter(handed_over..given));
    assert!(only(&counts).balanced() && only(&counts).delivered == given, "{counts:?}");
}
