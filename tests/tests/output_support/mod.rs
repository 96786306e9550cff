//! What the tests of outputs share: records, and waiting for what another thread does.
#![allow(dead_code, reason = "no test uses all of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends so")]

use std::time::{Duration, Instant};

use ja4sentinel::output::{Counts, Outputs};
use ja4sentinel::record::{Code, Kind, MetaSource, Record, SCHEMA, Text};

/// A record that says `number` in its source port and its timestamp.
pub(crate) fn record(number: u64) -> Record {
    Record {
        src_ip: "192.0.2.7".parse().unwrap(),
        src_port: u16::try_from(number % 60_000).unwrap(),
        dst_ip: "198.51.100.2".parse().unwrap(),
        dst_port: 443,
        ip_meta_ttl: 64,
        ip_meta_total_length: 60,
        ip_meta_id: Some(1),
        ip_meta_df: Some(true),
        tcp_meta_window_size: 64240,
        tcp_meta_mss: Some(1460),
        tcp_meta_window_scale: Some(7),
        tcp_meta_options: "MSS,SACK,TS,WS".parse().unwrap(),
        ja4: "t13d1516h2_8daaf6152771_02713d6af862".parse().unwrap(),
        ja4_hash: "8daaf6152771_02713d6af862".parse().unwrap(),
        ja3: "771,4865,0,29,0".into(),
        ja3_hash: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        timestamp: number,
        schema: SCHEMA,
        transport: 't',
        ja4_r: String::new(),
        ja4_o: Default::default(),
        ja4_ro: String::new(),
        sni: Some(Text::new(b"example.net")),
        alpn: vec![Text::new(b"h2"), Text::new(b"http/1.1")],
        tls_version: "13",
        supported_versions: vec![Code(0x0304)],
        meta_source: MetaSource::Syn,
        syn_to_hello_us: Some(250),
        tcp_meta_option_kinds: [2, 4, 8, 1, 3].into_iter().collect(),
        hello_index: 1,
        hello_bytes: 517,
        segments: 1,
        tls_records: 1,
        interface: Some("eth0".into()),
        vlan: vec![7],
        backend: "ebpf",
        oddities: Vec::new(),
        proxy_ip: None,
        proxy_port: None,
        kind: Kind::Hello,
        reason: None,
    }
}

/// Delivers the records with these numbers, slowly enough that no queue of usual size overflows.
pub(crate) fn deliver(outputs: &Outputs, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        outputs.deliver(&record(number));
        outputs.flush();
    }
}

/// The counts of the only output.
pub(crate) fn only(counts: &[Counts]) -> &Counts {
    match counts {
        [counts] => counts,
        other => panic!("not one output: {other:?}"),
    }
}

/// The numbers of the records in lines of JSON; fails when a line is none.
pub(crate) fn numbers(lines: &str) -> Vec<u64> {
    lines
        .lines()
        .map(|line| {
            let value: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
            value
                .get("timestamp")
                .and_then(|n| n.as_u64())
                .unwrap_or_else(|| panic!("no number: {line}"))
        })
        .collect()
}

/// Waits until `done` holds; fails after half a minute, saying `what`.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A deadline that an idle output reaches at once.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}
