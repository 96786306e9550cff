//! A record as JSON, written in one go.
//!
//! The same as serde_json makes of the record, in a fraction of the time: what this program put
//! together itself holds nothing that JSON escapes, so that it is not searched for it. Escaped as well
//! are the characters that a terminal or a reader of lines obeys and JSON does not mind: DEL, the
//! controls of C1, and Unicode's line ends.

use std::net::IpAddr;

use super::address::{push_address, push_octet};
use super::{Kind, MetaSource, Record, Text};
use crate::fingerprint::hex;

/// A member's name, with what stands around it.
macro_rules! key {
    ($name:literal) => {
        concat!(",\"", $name, "\":").as_bytes()
    };
}

/// The same before a text, with its first quote.
macro_rules! text_key {
    ($name:literal) => {
        concat!(",\"", $name, "\":\"").as_bytes()
    };
}

/// Lets no [`Kind::Hello`] grow the line more than once: bytes of names, numbers and addresses.
const FIXED: usize = 1024;

impl Record {
    /// Appends the record as one object of flat JSON, without a newline.
    pub fn write_json(&self, line: &mut Vec<u8>) {
        // Each field by its name, so that none can be forgotten.
        let Self {
            src_ip,
            src_port,
            dst_ip,
            dst_port,
            ip_meta_ttl,
            ip_meta_total_length,
            ip_meta_id,
            ip_meta_df,
            tcp_meta_window_size,
            tcp_meta_mss,
            tcp_meta_window_scale,
            tcp_meta_options,
            ja4,
            ja4_hash,
            ja3,
            ja3_hash,
            timestamp,
            schema,
            transport,
            ja4_r,
            ja4_o,
            ja4_ro,
            sni,
            alpn,
            tls_version,
            supported_versions,
            meta_source,
            syn_to_hello_us,
            tcp_meta_option_kinds,
            hello_index,
            hello_bytes,
            segments,
            tls_records,
            interface,
            vlan,
            backend,
            oddities,
            proxy_ip,
            proxy_port,
            kind,
            reason,
        } = self;
        line.reserve(FIXED + ja3.len() + ja4_r.len() + ja4_ro.len());
        line.extend_from_slice(b"{\"src_ip\":");
        address(line, *src_ip);
        number(line, key!("src_port"), *src_port);
        line.extend_from_slice(key!("dst_ip"));
        address(line, *dst_ip);
        number(line, key!("dst_port"), *dst_port);
        line.extend_from_slice(key!("ip_meta_ttl"));
        push_octet(line, *ip_meta_ttl);
        number(line, key!("ip_meta_total_length"), *ip_meta_total_length);
        known(line, key!("ip_meta_id"), *ip_meta_id);
        if let Some(df) = ip_meta_df {
            line.extend_from_slice(key!("ip_meta_df"));
            line.extend_from_slice(if *df { b"true" } else { b"false" });
        }
        number(line, key!("tcp_meta_window_size"), *tcp_meta_window_size);
        known(line, key!("tcp_meta_mss"), *tcp_meta_mss);
        known(line, key!("tcp_meta_window_scale"), *tcp_meta_window_scale);
        own(line, text_key!("tcp_meta_options"), tcp_meta_options);
        made(line, text_key!("ja4"), ja4);
        made(line, text_key!("ja4_hash"), ja4_hash);
        made(line, text_key!("ja3"), ja3);
        made(line, text_key!("ja3_hash"), ja3_hash);
        number(line, key!("timestamp"), *timestamp);
        number(line, key!("schema"), *schema);
        own(line, text_key!("transport"), transport.encode_utf8(&mut [0; 4]));
        made(line, text_key!("ja4_r"), ja4_r);
        made(line, text_key!("ja4_o"), ja4_o);
        made(line, text_key!("ja4_ro"), ja4_ro);
        if let Some(name) = sni {
            line.extend_from_slice(key!("sni"));
            text(line, name.as_str());
        }
        if !alpn.is_empty() {
            list(line, key!("alpn"), alpn.iter().map(Text::as_str), text);
        }
        made(line, text_key!("tls_version"), tls_version);
        if !supported_versions.is_empty() {
            list(line, key!("supported_versions"), supported_versions, |line, code| {
                quoted(line, &code.digits());
            });
        }
        let source = match meta_source {
            MetaSource::Syn => "syn",
            MetaSource::Hello => "hello",
        };
        own(line, text_key!("meta_source"), source);
        known(line, key!("syn_to_hello_us"), *syn_to_hello_us);
        list(
            line,
            key!("tcp_meta_option_kinds"),
            tcp_meta_option_kinds.iter().copied(),
            push_octet,
        );
        line.extend_from_slice(key!("hello_index"));
        push_octet(line, *hello_index);
        known(line, key!("hello_bytes"), Some(*hello_bytes).filter(|bytes| *bytes > 0));
        number(line, key!("segments"), *segments);
        known(line, key!("tls_records"), Some(*tls_records).filter(|records| *records > 0));
        if let Some(name) = interface {
            line.extend_from_slice(key!("interface"));
            text(line, name);
        }
        if !vlan.is_empty() {
            list(line, key!("vlan"), vlan.iter().copied(), digits);
        }
        own(line, text_key!("backend"), backend);
        list(line, key!("oddities"), oddities, |line, label| {
            quoted(line, label.as_bytes());
        });
        if let Some(ip) = proxy_ip {
            line.extend_from_slice(key!("proxy_ip"));
            address(line, *ip);
        }
        known(line, key!("proxy_port"), *proxy_port);
        let kind = match kind {
            Kind::Hello => "hello",
            Kind::Incomplete => "incomplete",
        };
        own(line, text_key!("kind"), kind);
        if let Some(reason) = reason {
            own(line, text_key!("reason"), reason);
        }
        line.push(b'}');
    }
}

#[inline(always)]
fn number(line: &mut Vec<u8>, key: &[u8], value: impl itoa::Integer) {
    line.extend_from_slice(key);
    digits(line, value);
}

/// A number, where it is known.
#[inline(always)]
fn known(line: &mut Vec<u8>, key: &[u8], value: Option<impl itoa::Integer>) {
    if let Some(value) = value {
        number(line, key, value);
    }
}

fn digits(line: &mut Vec<u8>, value: impl itoa::Integer) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A text of this program's own making.
#[inline(always)]
fn own(line: &mut Vec<u8>, key: &[u8], value: &str) {
    line.extend_from_slice(key);
    line.extend_from_slice(value.as_bytes());
    line.push(b'"');
}

/// The same, where it is not empty.
#[inline(always)]
fn made(line: &mut Vec<u8>, key: &[u8], value: &str) {
    if !value.is_empty() {
        own(line, key, value);
    }
}

/// Text without anything to escape.
#[inline(always)]
fn quoted(line: &mut Vec<u8>, text: &[u8]) {
    line.push(b'"');
    line.extend_from_slice(text);
    line.push(b'"');
}

/// Text of a client's, or a name from outside.
fn text(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    if text.bytes().all(|byte| PLAIN.get(usize::from(byte)).is_some_and(|plain| *plain)) {
        line.extend_from_slice(text.as_bytes());
    } else {
        text.chars().for_each(|c| escape(line, c));
    }
    line.push(b'"');
}

/// Whether a byte stands for itself: not those of RFC 8259, section 7, nor the first bytes of what else
/// is escaped, C2 of U+0080 to U+009F and E2 of U+2028 and U+2029.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let Some((plain, others)) = rest.split_first_mut() {
        *plain = byte >= 0x20 && !matches!(byte, b'"' | b'\\' | 0x7f | 0xc2 | 0xe2);
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

#[cold]
fn escape(line: &mut Vec<u8>, c: char) {
    match c {
        '"' => line.extend_from_slice(b"\\\""),
        '\\' => line.extend_from_slice(b"\\\\"),
        '\u{8}' => line.extend_from_slice(b"\\b"),
        '\u{c}' => line.extend_from_slice(b"\\f"),
        '\n' => line.extend_from_slice(b"\\n"),
        '\r' => line.extend_from_slice(b"\\r"),
        '\t' => line.extend_from_slice(b"\\t"),
        control if is_obeyed(control) => {
            line.extend_from_slice(b"\\u");
            // All of them are in the first plane.
            line.extend_from_slice(&hex(u16::try_from(u32::from(control)).unwrap_or_default()));
        }
        other => line.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Whether it moves, recolours or breaks up what is on a terminal.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn address(line: &mut Vec<u8>, address: IpAddr) {
    line.push(b'"');
    push_address(line, address);
    line.push(b'"');
}

fn list<T>(
    line: &mut Vec<u8>,
    key: &[u8],
    values: impl IntoIterator<Item = T>,
    write: impl Fn(&mut Vec<u8>, T),
) {
    line.extend_from_slice(key);
    line.push(b'[');
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            line.push(b',');
        }
        write(line, value);
    }
    line.push(b']');
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Code;
    use crate::wire::MAX_TCP_OPTIONS;

    fn blank() -> Record {
        Record {
            src_ip: IpAddr::from([192, 0, 2, 7]),
            src_port: 50_000,
            dst_ip: IpAddr::from(Ipv6Addr::LOCALHOST),
            dst_port: 443,
            ip_meta_ttl: 64,
            ip_meta_total_length: 60,
            tcp_meta_window_size: 64_240,
            meta_source: MetaSource::Syn,
            hello_index: 1,
            backend: "file",
            ..Record::blank()
        }
    }

    fn assert_as_serde_says(record: &Record) {
        let mut line = Vec::new();
        record.write_json(&mut line);
        let line = String::from_utf8(line).unwrap();
        // Such a character stands in a string, if anywhere.
        let plain =
            serde_json::to_string(record).unwrap().chars().fold(String::new(), |text, c| {
                if is_obeyed(c) {
                    format!("{text}\\u{:04x}", u32::from(c))
                } else {
                    text + c.encode_utf8(&mut [0; 4])
                }
            });
        assert_eq!(line, plain);
    }

    #[test]
    fn what_is_not_known_is_absent() {
        assert_as_serde_says(&blank());
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_comes_back() {
        let all: String = (0..0x2100).filter_map(char::from_u32).chain("é€😀".chars()).collect();
        let record = Record { interface: Some(all.as_str().into()), ..blank() };
        assert_as_serde_says(&record);
        let mut line = Vec::new();
        record.write_json(&mut line);
        let text = std::str::from_utf8(&line).unwrap();
        assert!(!text.contains(is_obeyed) && text.contains("\\u009b") && text.contains("é€😀"));
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(value.get("interface").unwrap(), &all);
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_serde(
            addresses: (IpAddr, IpAddr, Option<IpAddr>),
            ports: (u16, u16, Option<u16>),
            numbers: (u8, u32, u64, u32, u32),
            known: (Option<u16>, Option<bool>, Option<u16>, Option<u8>, Option<u64>),
            texts: (Option<Vec<u8>>, Vec<Vec<u8>>, Option<String>),
            lists: (Vec<u16>, Vec<u8>, Vec<u16>),
            flags: (bool, bool, bool),
        ) {
            let some = |text: &str| if flags.0 { text.to_owned() } else { String::new() };
            let (syn, odd) = (flags.1, flags.2);
            assert_as_serde_says(&Record {
                src_ip: addresses.0,
                src_port: ports.0,
                dst_ip: addresses.1,
                dst_port: ports.1,
                ip_meta_ttl: numbers.0,
                ip_meta_total_length: numbers.1,
                ip_meta_id: known.0,
                ip_meta_df: known.1,
                tcp_meta_mss: known.2,
                tcp_meta_window_scale: known.3,
                tcp_meta_options: some("MSS,SACK,TS,WS").parse().unwrap(),
                ja4: some("t13d1516h2_8daaf6152771_02713d6af862").parse().unwrap(),
                ja4_hash: some("8daaf6152771_02713d6af862").parse().unwrap(),
                ja3: some("771,4865,0,29,0"),
                ja3_hash: some("0123456789abcdef0123456789abcdef").parse().unwrap(),
                timestamp: numbers.2,
                ja4_r: some("t13d0101h2_1301_0000"),
                ja4_o: some("t13d0101h2_8daaf6152771_02713d6af862").parse().unwrap(),
                ja4_ro: some("t13d0101h2_1301_0000_0403"),
                sni: texts.0.as_deref().map(Text::new),
                alpn: texts.1.iter().map(|name| Text::new(name)).collect(),
                tls_version: if flags.0 { "13" } else { "" },
                supported_versions: lists.0.into_iter().map(Code).collect(),
                meta_source: if syn { MetaSource::Syn } else { MetaSource::Hello },
                syn_to_hello_us: known.4,
                tcp_meta_option_kinds: lists.1.into_iter().take(MAX_TCP_OPTIONS).collect(),
                hello_bytes: numbers.3,
                segments: numbers.4,
                tls_records: numbers.3 / 2,
                interface: texts.2.as_deref().map(Into::into),
                vlan: lists.2,
                oddities: if odd { vec!["split_records", "overlap"] } else { Vec::new() },
                proxy_ip: addresses.2,
                proxy_port: ports.2,
                kind: if odd { Kind::Hello } else { Kind::Incomplete },
                reason: odd.then_some("plain_text"),
                ..blank()
            });
        }
    }
}
