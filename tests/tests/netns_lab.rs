//! The harness itself: a lab joins two namespaces, its server answers real clients, and nothing
//! of it is left afterwards.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::clients::{self, Kind};
use ja4sentinel_tests::netns::{Lab, Link, SERVER_V4, SERVER_V6};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use ja4sentinel_tests::tmpfs::Tmpfs;

#[test]
fn every_installed_tool_reaches_the_server() {
    let lab = Lab::new(&Link::default()).unwrap();
    let server = TlsServer::start(&lab, &Settings { trace: true, ..Settings::default() }).unwrap();
    for client in clients::installed().filter(|client| client.kind == Kind::Tool) {
        lab.add_host(&client.host(), SERVER_V4.into()).unwrap();
        let finished = client.run(&lab, &client.host(), 443).unwrap();
        assert!(finished.success(), "{}: {finished:?}", client.name);
    }
    assert!(server.output().contains("ClientHello"));
}

#[test]
fn both_families_carry_packets_of_a_small_size_without_offloads() {
    let lab = Lab::new(&Link { mtu: 1280, offloads: false }).unwrap();
    for address in [SERVER_V4.to_string(), SERVER_V6.to_string()] {
        let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
        lab.add_host("openssl.ja4sentinel.test", address.parse().unwrap()).unwrap();
        let client = clients::by_name("openssl").unwrap();
        let host = if address.contains(':') { format!("[{address}]") } else { address };
        let finished = client.run(&lab, &host, 443).unwrap();
        assert!(finished.stdout.contains("BEGIN CERTIFICATE"), "{host}: {finished:?}");
    }
}

#[test]
fn nothing_is_left_of_a_lab() {
    let lab = Lab::new(&Link::default()).unwrap();
    let (namespace, directory) = (lab.server.path(), lab.directory());
    let mut sleeper = lab.server.command("sleep").arg("600").spawn().unwrap();
    assert!(namespace.exists() && directory.exists());
    drop(lab);
    assert!(!namespace.exists() && !directory.exists());
    let ended = wait_until(Duration::from_secs(5), || sleeper.try_wait().unwrap().is_some());
    assert!(ended, "a process lives on in the namespace");
    let etc = Path::new("/etc/netns").join(namespace.file_name().unwrap());
    assert!(!etc.exists());
}

#[test]
fn what_a_crashed_process_left_is_gone_with_the_next_lab() {
    // A process that is no more: nobody else can have its labs.
    let mut dead = Command::new("true").spawn().unwrap();
    let name = format!("ja4s-{}-7", dead.id());
    assert!(dead.wait().unwrap().success());

    let namespace = format!("{name}-server");
    let made = Command::new("ip").args(["netns", "add", &namespace]).status().unwrap();
    assert!(made.success());
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", &namespace, "sleep", "600"]);
    let mut orphan = inside.spawn().unwrap();
    // `ip` has to open the namespace first: a lab made before that would find nobody in it.
    let inhabited = wait_until(Duration::from_secs(20), || {
        let pids = Command::new("ip").args(["netns", "pids", &namespace]).output().unwrap();
        String::from_utf8_lossy(&pids.stdout).lines().any(|pid| pid == orphan.id().to_string())
    });
    assert!(inhabited, "nobody lives in the namespace");
    let left = [
        Path::new("/run/netns").join(&namespace),
        Path::new("/etc/netns").join(format!("{name}-client")),
        std::env::temp_dir().join(&name),
    ];
    for directory in &left[1..] {
        std::fs::create_dir_all(directory).unwrap();
    }
    assert!(left.iter().all(|path| path.exists()));
    // What is mounted in it keeps a directory from being removed.
    std::mem::forget(Tmpfs::mount(left[2].join("disk"), "64k").unwrap());

    let _lab = Lab::new(&Link::default()).unwrap();
    assert!(!left.iter().any(|path| path.exists()));
    let ended = wait_until(Duration::from_secs(5), || orphan.try_wait().unwrap().is_some());
    assert!(ended, "a process lives on in the namespace");
}
