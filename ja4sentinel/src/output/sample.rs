//! Records for the tests of this module.

use crate::record::{Code, Kind, MetaSource, Record, SCHEMA, Text};

/// An ordinary record.
pub(super) fn record() -> Record {
    Record {
        src_ip: "192.0.2.7".parse().unwrap(),
        src_port: 50_000,
        dst_ip: "198.51.100.2".parse().unwrap(),
        dst_port: 443,
        ip_meta_ttl: 64,
        ip_meta_total_length: 60,
        ip_meta_id: Some(1),
        ip_meta_df: Some(true),
        tcp_meta_window_size: 64_240,
        tcp_meta_mss: Some(1460),
        tcp_meta_window_scale: Some(7),
        tcp_meta_options: "MSS,SACK,TS,WS".parse().unwrap(),
        ja4: "t13d1516h2_8daaf6152771_02713d6af862".parse().unwrap(),
        ja4_hash: "8daaf6152771_02713d6af862".parse().unwrap(),
        ja3: "771,4865,0,29,0".into(),
        ja3_hash: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        timestamp: 1_767_323_045_678_901_234,
        schema: SCHEMA,
        transport: 't',
        ja4_r: "r".into(),
        ja4_o: "o".parse().unwrap(),
        ja4_ro: "ro".into(),
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

/// A record that has every field, which no real one has.
pub(super) fn full() -> Record {
    Record {
        proxy_ip: Some("203.0.113.9".parse().unwrap()),
        proxy_port: Some(4711),
        reason: Some("not_tls"),
        ..record()
    }
}
