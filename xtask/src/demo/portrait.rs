//! Records and counters, laid out for people.

use std::fmt::Write;

use serde_json::Value;

/// Width of the column of names.
const NAME: usize = 10;

/// A few lines about one record, the client's name beside it.
pub(super) fn record(client: &str, record: &Value) -> String {
    let field = |name: &str| text(record, name);
    let mut lines = format!(
        "{client:NAME$}{} port {} -> port {}\n",
        field("src_ip"),
        field("src_port"),
        field("dst_port")
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(lines, "{:NAME$}{name:5} {value}", "");
    };
    line("JA4", &field("ja4"));
    line("JA3", &field("ja3_hash"));
    line("SNI", &format!("{}, ALPN {}", field("sni"), field("alpn")));
    line("IP", &format!("TTL {}, {} bytes", field("ip_meta_ttl"), field("ip_meta_total_length")));
    line(
        "TCP",
        &format!(
            "MSS {}, window {} scale {}, options {} (from the {})",
            field("tcp_meta_mss"),
            field("tcp_meta_window_size"),
            field("tcp_meta_window_scale"),
            field("tcp_meta_options"),
            field("meta_source")
        ),
    );
    let syn_to_hello = field("syn_to_hello_us");
    let (bytes, segments) = (field("hello_bytes"), field("segments"));
    line(
        "hello",
        &format!("{bytes} bytes in {segments} segment(s), {syn_to_hello} us after the SYN"),
    );
    lines
}

/// A field as it is read: without quotes, a list with commas, `-` when it is absent.
fn text(record: &Value, name: &str) -> String {
    match record.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items = items
                .iter()
                .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            items.collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_absent_shows_as_a_dash() {
        let value = serde_json::json!({ "sni": "a.test", "alpn": ["h2", "http/1.1"], "n": 7 });
        assert_eq!(text(&value, "sni"), "a.test");
        assert_eq!(text(&value, "alpn"), "h2 http/1.1");
        assert_eq!(text(&value, "n"), "7");
        assert_eq!(text(&value, "tcp_meta_mss"), "-");
    }
}
