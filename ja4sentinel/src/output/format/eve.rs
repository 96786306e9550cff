//! Like a `tls` event in Suricata's eve.json; what Suricata has no field for goes below
//! `ja4sentinel`.

use serde_json::{Map, Value, json};

use super::shape::{Row, formed, nest, rfc3339_micros, row};

const ROWS: &[Row] = &[
    formed("timestamp", &["timestamp"], |ns| {
        // Suricata writes the offset without its colon, and never `Z`.
        rfc3339_micros(ns).map(|text| json!(text.replace('Z', "+0000")))
    }),
    row("src_ip", &["src_ip"]),
    row("src_port", &["src_port"]),
    row("dst_ip", &["dest_ip"]),
    row("dst_port", &["dest_port"]),
    formed("transport", &["proto"], |letter| {
        Some(json!(if letter == "t" { "TCP" } else { "UDP" }))
    }),
    row("interface", &["in_iface"]),
    row("vlan", &["vlan"]),
    row("sni", &["tls", "sni"]),
    formed("tls_version", &["tls", "version"], version),
    row("alpn", &["tls", "client_alpns"]),
    row("ja3_hash", &["tls", "ja3", "hash"]),
    row("ja3", &["tls", "ja3", "string"]),
    row("ja4", &["tls", "ja4"]),
];

pub(super) fn shape(flat: Map<String, Value>) -> Map<String, Value> {
    let fixed = Map::from_iter([("event_type".to_owned(), json!("tls"))]);
    nest(fixed, ROWS, flat)
}

/// The words that Suricata has for what JA4 prints in two characters.
fn version(ja4: &Value) -> Option<Value> {
    Some(json!(match ja4.as_str()? {
        "13" => "TLS 1.3",
        "12" => "TLS 1.2",
        "11" => "TLS 1.1",
        "10" => "TLSv1",
        "s3" => "SSLv3",
        "s2" => "SSLv2",
        _ => return None,
    }))
}
