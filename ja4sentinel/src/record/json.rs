//! A record as JSON, without a general serialiser.
//!
//! Two kilobytes of text that hardly ever needs an escape are most of what a record costs; looking
//! at them sixteen at a time instead of one by one makes that a fraction.

use std::io::Write as _;
use std::net::IpAddr;

use super::{Kind, MetaSource, Record, Text};

/// A comma and the name of a field.
macro_rules! next {
    ($name:ident) => {
        concat!(",\"", stringify!($name), "\":")
    };
}

impl Record {
    /// Appends the record as flat JSON, without a newline: byte for byte what its `Serialize`
    /// gives through serde_json.
    pub fn write_json(&self, json: &mut Vec<u8>) {
        let mut object = Object(json);
        object.address("{\"src_ip\":", self.src_ip);
        object.number(next!(src_port), self.src_port);
        object.address(next!(dst_ip), self.dst_ip);
        object.number(next!(dst_port), self.dst_port);
        object.number(next!(ip_meta_ttl), self.ip_meta_ttl);
        object.number(next!(ip_meta_total_length), self.ip_meta_total_length);
        object.known(next!(ip_meta_id), self.ip_meta_id);
        if let Some(df) = self.ip_meta_df {
            object.raw(next!(ip_meta_df), if df { "true" } else { "false" });
        }
        object.number(next!(tcp_meta_window_size), self.tcp_meta_window_size);
        object.known(next!(tcp_meta_mss), self.tcp_meta_mss);
        object.known(next!(tcp_meta_window_scale), self.tcp_meta_window_scale);
        object.text(next!(tcp_meta_options), &self.tcp_meta_options);
        object.filled(next!(ja4), &self.ja4);
        object.filled(next!(ja4_hash), &self.ja4_hash);
        object.filled(next!(ja3), &self.ja3);
        object.filled(next!(ja3_hash), &self.ja3_hash);
        object.number(next!(timestamp), self.timestamp);
        object.number(next!(schema), self.schema);
        object.text(next!(transport), self.transport.encode_utf8(&mut [0; 4]));
        object.filled(next!(ja4_r), &self.ja4_r);
        object.filled(next!(ja4_o), &self.ja4_o);
        object.filled(next!(ja4_ro), &self.ja4_ro);
        if let Some(sni) = &self.sni {
            object.text(next!(sni), sni.as_str());
        }
        if !self.alpn.is_empty() {
            object
                .list(next!(alpn), &self.alpn, |object, name: &Text| object.string(name.as_str()));
        }
        object.filled(next!(tls_version), self.tls_version);
        if !self.supported_versions.is_empty() {
            let versions = &self.supported_versions;
            object.list(next!(supported_versions), versions, |object, text| object.string(text));
        }
        object.text(
            next!(meta_source),
            match self.meta_source {
                MetaSource::Syn => "syn",
                MetaSource::Hello => "hello",
            },
        );
        object.known(next!(syn_to_hello_us), self.syn_to_hello_us);
        let kinds = &self.tcp_meta_option_kinds;
        object.list(next!(tcp_meta_option_kinds), kinds, |object, kind| object.decimal(*kind));
        object.number(next!(hello_index), self.hello_index);
        object.known(next!(hello_bytes), (self.hello_bytes > 0).then_some(self.hello_bytes));
        object.number(next!(segments), self.segments);
        object.known(next!(tls_records), (self.tls_records > 0).then_some(self.tls_records));
        if let Some(interface) = &self.interface {
            object.text(next!(interface), interface);
        }
        if !self.vlan.is_empty() {
            object.list(next!(vlan), &self.vlan, |object, id| object.decimal(*id));
        }
        object.text(next!(backend), self.backend);
        object.list(next!(oddities), &self.oddities, |object, name| object.string(name));
        if let Some(proxy_ip) = self.proxy_ip {
            object.address(next!(proxy_ip), proxy_ip);
        }
        object.known(next!(proxy_port), self.proxy_port);
        object.text(
            next!(kind),
            match self.kind {
                Kind::Hello => "hello",
                Kind::Incomplete => "incomplete",
            },
        );
        if let Some(reason) = self.reason {
            object.text(next!(reason), reason);
        }
        json.push(b'}');
    }
}

/// What is being written. A `key` holds everything from the comma before it to the colon behind it.
struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    #[inline]
    fn raw(&mut self, key: &'static str, value: &str) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(value.as_bytes());
    }

    #[inline]
    fn number(&mut self, key: &'static str, value: impl itoa::Integer) {
        self.0.extend_from_slice(key.as_bytes());
        self.decimal(value);
    }

    /// A number, when it is known.
    #[inline]
    fn known(&mut self, key: &'static str, value: Option<impl itoa::Integer>) {
        if let Some(value) = value {
            self.number(key, value);
        }
    }

    #[inline]
    fn text(&mut self, key: &'static str, value: &str) {
        self.0.extend_from_slice(key.as_bytes());
        self.string(value);
    }

    /// A text, when it is not empty.
    #[inline]
    fn filled(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    fn address(&mut self, key: &'static str, value: IpAddr) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'"');
        match value {
            IpAddr::V4(address) => {
                for (at, byte) in address.octets().into_iter().enumerate() {
                    if at > 0 {
                        self.0.push(b'.');
                    }
                    self.decimal(byte);
                }
            }
            // Memory takes every write.
            IpAddr::V6(address) => drop(write!(self.0, "{address}")),
        }
        self.0.push(b'"');
    }

    fn list<T>(&mut self, key: &'static str, values: &[T], each: impl Fn(&mut Self, &T)) {
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'[');
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.0.push(b',');
            }
            each(self, value);
        }
        self.0.push(b']');
    }

    fn decimal(&mut self, value: impl itoa::Integer) {
        self.0.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn string(&mut self, value: &str) {
        self.0.push(b'"');
        if value.bytes().fold(false, |found, byte| found | needs_escape(byte)) {
            value.bytes().for_each(|byte| self.escaped(byte));
        } else {
            self.0.extend_from_slice(value.as_bytes());
        }
        self.0.push(b'"');
    }

    /// RFC 8259 section 7.
    #[cold]
    fn escaped(&mut self, byte: u8) {
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0c => b'f',
            b'\r' => b'r',
            byte if needs_escape(byte) => return drop(write!(self.0, "\\u{byte:04x}")),
            byte => return self.0.push(byte),
        };
        self.0.extend_from_slice(&[b'\\', short]);
    }
}

fn needs_escape(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;

    fn same(record: &Record) -> Result<(), TestCaseError> {
        let mut json = b"before".to_vec();
        record.write_json(&mut json);
        let expected = format!("before{}", serde_json::to_string(record).unwrap());
        prop_assert_eq!(String::from_utf8(json).unwrap(), expected);
        Ok(())
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|n| IpAddr::V4(n.into())),
            any::<[u16; 8]>().prop_map(IpAddr::from)
        ]
    }

    /// Anything, with much of what needs an escape.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-f0-9_,-]{0,60}",
            "[\\x00-\\x7f]{0,20}",
            any::<String>(),
            Just(String::new())
        ]
    }

    prop_compose! {
        fn numbers()(
            ends in (address(), any::<u16>(), address(), any::<u16>()),
            ip in (any::<u8>(), any::<u32>(), of(any::<u16>()), of(any::<bool>())),
            tcp in (any::<u16>(), of(any::<u16>()), of(any::<u8>()), vec(any::<u8>(), 0..5)),
            times in (any::<u64>(), of(any::<u64>())),
            counts in (any::<u8>(), 0..3_u32, any::<u32>(), 0..3_u32),
            proxy in of((address(), any::<u16>())),
            syn in any::<bool>(),
            complete in any::<bool>(),
            vlan in vec(any::<u16>(), 0..3),
        ) -> Record {
            Record {
                src_ip: ends.0,
                src_port: ends.1,
                dst_ip: ends.2,
                dst_port: ends.3,
                ip_meta_ttl: ip.0,
                ip_meta_total_length: ip.1,
                ip_meta_id: ip.2,
                ip_meta_df: ip.3,
                tcp_meta_window_size: tcp.0,
                tcp_meta_mss: tcp.1,
                tcp_meta_window_scale: tcp.2,
                tcp_meta_options: String::new(),
                ja4: String::new(),
                ja4_hash: String::new(),
                ja3: String::new(),
                ja3_hash: String::new(),
                timestamp: times.0,
                schema: crate::record::SCHEMA,
                transport: 't',
                ja4_r: String::new(),
                ja4_o: String::new(),
                ja4_ro: String::new(),
                sni: None,
                alpn: Vec::new(),
                tls_version: "",
                supported_versions: Vec::new(),
                meta_source: if syn { MetaSource::Syn } else { MetaSource::Hello },
                syn_to_hello_us: times.1,
                tcp_meta_option_kinds: tcp.3,
                hello_index: counts.0,
                hello_bytes: counts.1,
                segments: counts.2,
                tls_records: counts.3,
                interface: None,
                vlan,
                backend: "ebpf",
                oddities: Vec::new(),
                proxy_ip: proxy.map(|(ip, _)| ip),
                proxy_port: proxy.map(|(_, port)| port),
                kind: if complete { Kind::Hello } else { Kind::Incomplete },
                reason: (!complete).then_some("gap_never_filled"),
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_what_serde_json_gives(
            numbers in numbers(),
            texts in [text(), text(), text(), text(), text(), text(), text(), text()],
            transport in any::<char>(),
            sni in of(vec(any::<u8>(), 0..30)),
            alpn in vec(vec(any::<u8>(), 0..10), 0..4),
            versions in vec("[0-9a-f]{4}", 0..4),
            interface in of(text()),
            oddities in 0..3_usize,
            tls_version in prop_oneof![Just(""), Just("13")],
        ) {
            let [options, ja4, ja4_hash, ja3, ja3_hash, ja4_r, ja4_o, ja4_ro] = texts;
            same(&Record {
                tcp_meta_options: options,
                ja4, ja4_hash, ja3, ja3_hash, ja4_r, ja4_o, ja4_ro,
                transport,
                tls_version,
                sni: sni.map(|bytes| Text::new(&bytes)),
                alpn: alpn.iter().map(|bytes| Text::new(bytes)).collect(),
                supported_versions: versions,
                interface: interface.map(Arc::from),
                oddities: ["tiny_segments", "retransmitted"][..oddities.min(2)].to_vec(),
                ..numbers
            })?;
        }
    }
}
