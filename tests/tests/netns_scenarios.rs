//! What real stacks and servers do to hellos: retry requests, IPv6, many segments, super-frames.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use ja4sentinel_tests::clients::{self, Kind};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{CLIENT_V6, Link, SERVER_V4, SERVER_V6};
use ja4sentinel_tests::scene::{BACKENDS, Scene};
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(10);

/// Sends bytes from the client's namespace, and waits for the server's answer or its hanging up.
fn send(scene: &Scene, server: SocketAddr, bytes: &[u8]) -> u16 {
    let exchange = || {
        let mut stream = TcpStream::connect_timeout(&server, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let port = stream.local_addr()?.port();
        stream.write_all(bytes)?;
        stream.shutdown(Shutdown::Write)?;
        // It does not matter what it says.
        let _ = stream.read(&mut [0; 64]);
        Ok(port)
    };
    let done: std::io::Result<u16> = scene.lab.client.inside(exchange).expect("a namespace");
    done.expect("a connection")
}

fn only_record_from(scene: &Scene, port: u16) -> Value {
    let records = scene.agent().wait_for(1, DEADLINE, |record| record["src_port"] == port);
    let records = records.expect("records");
    assert_eq!(records.len(), 1, "{records:?}\n{}", scene.agent().log());
    records.into_iter().next().expect("one record")
}

#[test]
fn a_hello_retry_request_gives_two_records_of_one_connection() {
    for backend in BACKENDS {
        let settings = Settings { groups: Some("P-384"), trace: true, ..Settings::default() };
        let scene = Scene::new(&Link::default(), &settings, backend).unwrap();
        let mut connections = 0;
        // Some send the second hello behind a change_cipher_spec, together or apart.
        for client in clients::installed().filter(|client| client.kind == Kind::Tool) {
            let records = scene.connect(client, SERVER_V4.into(), 2).unwrap();
            let name = client.name;
            assert_eq!(records.len(), 2, "{backend}, {name}: {}", scene.agent().log());
            let indices = [&records[0]["hello_index"], &records[1]["hello_index"]];
            assert_eq!(indices, [&json!(1), &json!(2)], "{backend}, {name}");
            assert_eq!(records[0]["src_port"], records[1]["src_port"], "{backend}, {name}");
            // The ciphers cannot change between the two (RFC 8446 section 4.1.2).
            let ciphers = |record: &Value| record["ja4"].as_str().map(|ja4| ja4[11..23].to_owned());
            assert_eq!(ciphers(&records[0]), ciphers(&records[1]), "{backend}, {name}");
            connections += 1;
        }
        let trace = scene.server().output();
        assert_eq!(trace.matches(", ClientHello").count(), 2 * connections, "{trace}");
        assert_eq!(scene.end().unwrap().records.len(), 2 * connections);
    }
}

#[test]
fn ipv6_to_a_server_of_tls_1_2() {
    for backend in BACKENDS {
        let settings = Settings { tls13: false, ..Settings::default() };
        let scene = Scene::new(&Link::default(), &settings, backend).unwrap();
        let openssl = clients::by_name("openssl").expect("a known client");
        let records = scene.connect(openssl, SERVER_V6.into(), 1).unwrap();
        assert_eq!(records.len(), 1);
        let record = &records[0];
        assert_eq!(record["src_ip"], json!(CLIENT_V6));
        assert_eq!(record["dst_ip"], json!(SERVER_V6));
        assert_eq!(record["tcp_meta_mss"], 1440);
        assert_eq!(record["ip_meta_id"], Value::Null, "IPv6 has no identification");
        assert_eq!(record["tls_version"], "13", "what the client offers, whatever is agreed on");
        scene.end().unwrap();
    }
}

#[test]
fn a_large_hello_over_several_segments_and_as_a_super_frame() {
    for backend in BACKENDS {
        let hello = Hello::browser().padded_to(4_000).record();
        let server = SocketAddr::from((SERVER_V4, 443));
        let mut fingerprints = Vec::new();
        for (offloads, segments) in [(false, 4), (true, 1)] {
            let link = Link { mtu: 1280, offloads };
            let scene = Scene::new(&link, &Settings::default(), backend).unwrap();
            let record = only_record_from(&scene, send(&scene, server, &hello));
            assert_eq!(record["hello_bytes"], 4_000);
            assert_eq!(record["segments"], segments, "offloads {offloads}: {record}");
            assert_eq!(record["tcp_meta_mss"], 1240);
            fingerprints.push(record["ja4"].clone());
            scene.end().unwrap();
        }
        assert_eq!(fingerprints[0], fingerprints[1]);
    }
}

#[test]
fn what_is_no_hello_gives_no_record_and_other_ports_are_left_alone() {
    for backend in BACKENDS {
        let scene = Scene::new(&Link::default(), &Settings::default(), backend).unwrap();
        let other = Settings { port: 8443, ..Settings::default() };
        let _other_server = TlsServer::start(&scene.lab, &other).unwrap();
        let hello = Hello::browser().record();
        send(&scene, SocketAddr::from((SERVER_V4, 8443)), &hello);
        send(&scene, SocketAddr::from((SERVER_V4, 443)), b"GET / HTTP/1.0\r\n\r\n");
        let port = send(&scene, SocketAddr::from((SERVER_V4, 443)), &hello);
        only_record_from(&scene, port);
        let ended = scene.end().unwrap();
        assert_eq!(ended.records.len(), 1);
        let ledger = "2 connections = 1 fingerprinted + 1 plain_text";
        assert!(ended.ledger.starts_with(ledger), "{ended:?}");
        // libpcap counts after its filter, the kernel program before its own.
        if backend == "ebpf" {
            assert!(ended.handed_up < ended.seen, "{ended:?}");
        }
    }
}
