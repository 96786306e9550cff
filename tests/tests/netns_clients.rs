//! Real clients, a real server, the agent attached by eBPF, and tshark's opinion on the same bytes.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use ja4sentinel_tests::clients::{self, Client, Kind};
use ja4sentinel_tests::netns::{CLIENT_V4, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::notice::{in_ci, notice};
use ja4sentinel_tests::scene::Scene;
use ja4sentinel_tests::servers::Settings;
use ja4sentinel_tests::tcpdump::Tcpdump;
use ja4sentinel_tests::tshark::{Hello, Tshark};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Clients that continuous integration must have.
const IN_CI: [&str; 8] =
    ["openssl", "curl", "python", "wget", "gnutls", "node", "chromium", "firefox"];

/// The cipher part of desktop Chrome's JA4.
const CHROME_CIPHERS: &str = "8daaf6152771";

#[test]
fn every_installed_client_is_recorded_once_and_as_tshark_reads_it() {
    if in_ci() {
        for name in IN_CI {
            let client = clients::by_name(name).expect("a known client");
            assert!(client.program().is_some(), "{name} is not installed");
        }
    }
    let scene = Scene::new(&Link::default(), &Settings::default(), "ebpf").unwrap();
    let file = scene.lab.directory().join("clients.pcap");
    let dump = Tcpdump::start(&scene.lab.server, SERVER_INTERFACE, &file).unwrap();

    let mut names = Vec::new();
    for client in clients::installed() {
        let records = scene.connect(client, SERVER_V4.into(), 1).unwrap();
        if client.kind != Kind::Browser {
            assert_eq!(records.len(), 1, "{}", client.name);
        }
        for record in &records {
            check_facts(client, record);
        }
        names.push(client.name);
    }

    let file = dump.stop().unwrap();
    let ports = |value: &Value| value["src_port"].as_u64();
    let Some(tshark) = Tshark::find() else {
        assert!(!in_ci(), "no tshark 4.4 or later");
        notice("real clients were not compared with tshark: there is no version 4.4 or later");
        scene.end().unwrap();
        return;
    };
    let hellos = tshark.client_hellos(&file, 443).unwrap();
    let ended = scene.end().unwrap();
    assert_eq!(ended.records.len(), hellos.len(), "records and hellos that tshark sees");
    for hello in &hellos {
        let port = Some(u64::from(hello.source_port));
        let record = ended.records.iter().find(|record| ports(record) == port);
        compare(record.expect("a record for every hello that tshark sees"), hello);
    }
    println!("{} records of {} compared with tshark", hellos.len(), names.join(", "));
}

#[test]
fn a_browsers_post_quantum_hello_crosses_in_several_segments() {
    let browsers: Vec<_> =
        clients::installed().filter(|client| client.kind == Kind::Browser).collect();
    if browsers.is_empty() {
        assert!(!in_ci(), "no browser");
        notice("no browser's hello was seen in several segments: there is no browser");
    }
    for browser in browsers {
        let link = Link { mtu: 1280, offloads: false };
        let scene = Scene::new(&link, &Settings::default(), "ebpf").unwrap();
        for record in scene.connect(browser, SERVER_V4.into(), 1).unwrap() {
            assert!(record["hello_bytes"].as_u64() > Some(1_240), "{record}");
            assert!(record["segments"].as_u64() >= Some(2), "{record}");
            assert_eq!(record["oddities"], json!([]), "{record}");
        }
        scene.end().unwrap();
    }
}

/// What the lab and the client's arguments decide.
fn check_facts(client: &Client, record: &Value) {
    let facts = [
        ("src_ip", json!(CLIENT_V4)),
        ("dst_ip", json!(SERVER_V4)),
        ("dst_port", json!(443)),
        ("ip_meta_ttl", json!(64)),
        ("ip_meta_df", json!(true)),
        ("tcp_meta_mss", json!(1460)),
        ("tcp_meta_options", json!("MSS,SACK,TS,WS")),
        ("transport", json!("t")),
        ("tls_version", json!("13")),
        ("meta_source", json!("syn")),
        ("hello_index", json!(1)),
        ("interface", json!(SERVER_INTERFACE)),
        ("backend", json!("ebpf")),
    ];
    for (name, value) in facts {
        assert_eq!(record[name], value, "{}: {name} in {record}", client.name);
    }
    if let Some(alpn) = client.alpn {
        assert_eq!(record["alpn"], json!(alpn), "{}", client.name);
    }
    if client.name == "chromium" {
        let ja4 = record["ja4"].as_str().expect("a JA4");
        assert_eq!(ja4.split('_').nth(1), Some(CHROME_CIPHERS), "{ja4}");
    }
}

/// One record and what tshark says of the same hello.
fn compare(record: &Value, hello: &Hello) {
    let hello = without_grease_in_signature_algorithms(hello);
    assert_eq!(record["sni"].as_str(), hello.sni.as_deref());
    assert_eq!(record["ja4_r"], hello.ja4_r, "{record}");
    assert_eq!(record["ja4"], hello.ja4, "{record}");
    assert_eq!(record["ja3"], hello.ja3, "{record}");
    assert_eq!(record["ja3_hash"], hello.ja3_hash, "{record}");
}

/// GREASE is left out of all lists, the signature algorithms' included, which Chrome has filled
/// with a fresh value since its version 152; tshark up to 4.4.18 leaves it in there. Corrects that,
/// and nothing else.
fn without_grease_in_signature_algorithms(hello: &Hello) -> Hello {
    let parts: Vec<&str> = hello.ja4_r.split('_').collect();
    let [a, b, extensions, algorithms] = parts[..] else { return hello.clone() };
    // Two equal bytes that end in `a` (RFC 8701).
    let is_grease = |value: &str| {
        let (high, low) = value.split_at_checked(2).unwrap_or_default();
        high == low && high.ends_with('a')
    };
    let real: Vec<&str> = algorithms.split(',').filter(|value| !is_grease(value)).collect();
    if real.len() == algorithms.split(',').count() {
        return hello.clone();
    }
    let lists = format!("{extensions}_{}", real.join(","));
    let digest = Sha256::digest(lists.as_bytes());
    let c: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let (a_and_b, _) = hello.ja4.rsplit_once('_').expect("three parts");
    Hello { ja4: format!("{a_and_b}_{c}"), ja4_r: format!("{a}_{b}_{lists}"), ..hello.clone() }
}
