//! Elastic Common Schema; what it has no field for goes below `ja4sentinel`.

use serde_json::{Map, Value, json};

use super::shape::{Row, formed, nest, rfc3339_nanos, row};

/// The version of ECS that the field names are taken from.
const VERSION: &str = "8.11.0";

const ROWS: &[Row] = &[
    formed("timestamp", &["@timestamp"], |ns| rfc3339_nanos(ns).map(Value::String)),
    row("src_ip", &["source", "ip"]),
    row("src_port", &["source", "port"]),
    row("dst_ip", &["destination", "ip"]),
    row("dst_port", &["destination", "port"]),
    formed("transport", &["network", "transport"], |letter| {
        Some(json!(if letter == "t" { "tcp" } else { "udp" }))
    }),
    formed("vlan", &["network", "vlan", "id"], |ids| {
        Some(json!(ids.get(0)?.to_string())).filter(|_| ids.get(1).is_none())
    }),
    row("interface", &["observer", "ingress", "interface", "name"]),
    formed("tls_version", &["tls", "version"], version),
    row("sni", &["tls", "client", "server_name"]),
    row("ja3_hash", &["tls", "client", "ja3"]),
];

pub(super) fn shape(flat: Map<String, Value>) -> Map<String, Value> {
    let fixed = json!({
        "ecs": { "version": VERSION },
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["protocol"],
            "module": "ja4sentinel",
            "dataset": "ja4sentinel.hello",
        },
        "network": { "protocol": "tls" },
        "observer": { "product": "ja4sentinel", "type": "sensor" },
        "tls": { "version_protocol": "tls" },
    });
    let mut fixed = match fixed {
        Value::Object(fixed) => fixed,
        _ => Map::new(),
    };
    if let Some(network) = fixed.get_mut("network").and_then(Value::as_object_mut)
        && let Some(client) = flat.get("src_ip").and_then(Value::as_str)
    {
        let family = if client.contains(':') { "ipv6" } else { "ipv4" };
        network.insert("type".to_owned(), json!(family));
    }
    nest(fixed, ROWS, flat)
}

/// ECS wants the number alone.
fn version(ja4: &Value) -> Option<Value> {
    Some(json!(match ja4.as_str()? {
        "13" => "1.3",
        "12" => "1.2",
        "11" => "1.1",
        "10" => "1.0",
        _ => return None,
    }))
}
