//! Shapes of a line.

mod ecs;
mod eve;
mod plain;
mod shape;
mod syslog;

use serde_json::{Map, Value};

use plain::write_json;

use super::settings::{Format, OutputConfig, SinkConfig};
use crate::record::Record;

/// Writes records as lines of one shape.
pub(super) struct Formatter {
    format: Format,
    /// Names of the fields that are kept; `None` is all.
    fields: Option<Vec<&'static str>>,
    syslog: Option<syslog::Header>,
}

impl Formatter {
    pub(super) fn new(config: &OutputConfig) -> Self {
        let syslog = match &config.sink {
            SinkConfig::Syslog(syslog) => Some(syslog::Header::new(syslog)),
            _ => None,
        };
        Self { format: config.format, fields: config.filter.fields.clone(), syslog }
    }

    /// Appends `record` as one line of JSON with its newline, or as a syslog message of it. JSON
    /// escapes control characters in strings, so that no client can end a line or break one.
    pub(super) fn line(&self, record: &Record, line: &mut Vec<u8>) {
        match &self.syslog {
            None => {
                self.json(record, line);
                line.push(b'\n');
            }
            Some(header) => {
                let mut text = Vec::new();
                self.json(record, &mut text);
                header.message(record, &text, line);
            }
        }
    }

    fn json(&self, record: &Record, line: &mut Vec<u8>) {
        let begin = line.len();
        if self.write(record, line).is_err() {
            // Not reached: memory takes every write, and every key of a record is a string.
            line.truncate(begin);
            line.extend_from_slice(b"{}");
        }
    }

    fn write(&self, record: &Record, line: &mut Vec<u8>) -> serde_json::Result<()> {
        if self.format == Format::Flat && self.fields.is_none() {
            record.write_json(line);
            return Ok(());
        }
        let mut flat = match serde_json::to_value(record)? {
            Value::Object(flat) => flat,
            _ => Map::new(),
        };
        if let Some(fields) = &self.fields {
            flat.retain(|name, _| fields.contains(&name.as_str()));
        }
        let shaped = match self.format {
            Format::Flat => flat,
            Format::Eve => eve::shape(flat),
            Format::Ecs => ecs::shape(flat),
        };
        write_json(&shaped, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{SinkConfig, sample};
    use crate::record::Text;

    fn line(format: Format, fields: Option<&[&'static str]>, record: &Record) -> String {
        let mut config = OutputConfig::new(SinkConfig::Stdout);
        config.format = format;
        config.filter.fields = fields.map(<[_]>::to_vec);
        let mut line = Vec::new();
        Formatter::new(&config).line(record, &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn kept_fields_stay_in_the_order_of_the_record() {
        let flat = line(Format::Flat, Some(&["ja4", "src_ip", "sni"]), &sample::record());
        assert_eq!(
            flat,
            "{\"src_ip\":\"192.0.2.7\",\"ja4\":\"t13d1516h2_8daaf6152771_02713d6af862\",\
             \"sni\":\"example.net\"}\n"
        );
    }

    #[test]
    fn whatever_a_client_sends_is_one_line_of_json() {
        let mut record = sample::record();
        let hostile = b"a\n}\r\0\"\\\x1b[2J\x7f\xc2\x85\xc2\x9b31m\xff\xfe\xe2\x80\xa8\"}";
        record.sni = Some(Text::new(hostile));
        record.alpn = vec![Text::new(hostile), Text::new(b"")];
        for format in [Format::Flat, Format::Eve, Format::Ecs] {
            let line = line(format, None, &record);
            assert_eq!(line.matches('\n').count(), 1);
            assert!(!line.trim_end_matches('\n').contains(char::is_control), "{line:?}");
            assert!(!line.contains(['\u{2028}', '\u{2029}']), "{line:?}");
            serde_json::from_str::<Value>(&line).unwrap();
        }
    }

    #[test]
    fn every_known_field_is_one_that_a_full_record_has() {
        let Value::Object(full) = serde_json::to_value(sample::full()).unwrap() else { panic!() };
        let names: Vec<&str> = full.keys().map(String::as_str).collect();
        assert_eq!(names, super::super::FIELDS);
    }

    #[test]
    fn eve_resembles_a_tls_event_of_suricata() {
        let expected = serde_json::json!({
            "timestamp": "2026-01-02T03:04:05.678901+0000",
            "event_type": "tls",
            "src_ip": "192.0.2.7",
            "src_port": 50_000,
            "dest_ip": "198.51.100.2",
            "dest_port": 443,
            "proto": "TCP",
            "in_iface": "eth0",
            "vlan": [7],
            "tls": {
                "sni": "example.net",
                "version": "TLS 1.3",
                "client_alpns": ["h2", "http/1.1"],
                "ja3": { "hash": "0123456789abcdef0123456789abcdef", "string": "771,4865,0,29,0" },
                "ja4": "t13d1516h2_8daaf6152771_02713d6af862",
            },
        });
        assert_parts(&line(Format::Eve, None, &sample::record()), expected);
    }

    #[test]
    fn ecs_uses_the_fields_that_ecs_has() {
        let expected = serde_json::json!({
            "@timestamp": "2026-01-02T03:04:05.678901234Z",
            "source": { "ip": "192.0.2.7", "port": 50_000 },
            "destination": { "ip": "198.51.100.2", "port": 443 },
            "network": { "transport": "tcp", "type": "ipv4", "protocol": "tls", "vlan": { "id": "7" } },
            "observer": {
                "type": "sensor",
                "product": "ja4sentinel",
                "ingress": { "interface": { "name": "eth0" } },
            },
            "tls": {
                "version": "1.3",
                "version_protocol": "tls",
                "client": { "server_name": "example.net", "ja3": "0123456789abcdef0123456789abcdef" },
            },
        });
        let line = line(Format::Ecs, None, &sample::record());
        assert_parts(&line, expected);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["ja4sentinel"]["ja4"], "t13d1516h2_8daaf6152771_02713d6af862");
        assert_eq!(value["event"]["kind"], "event");
    }

    #[test]
    fn no_field_of_a_record_is_lost_in_another_shape() {
        let flat = line(Format::Flat, None, &sample::full());
        let Value::Object(flat) = serde_json::from_str(&flat).unwrap() else { panic!() };
        let shaped = [Format::Eve, Format::Ecs].map(|format| line(format, None, &sample::full()));
        for (name, value) in flat {
            // Those that change their form are looked at above.
            if ["timestamp", "transport", "tls_version", "vlan"].contains(&name.as_str()) {
                continue;
            }
            for shaped in &shaped {
                assert!(shaped.contains(&value.to_string()), "{name} in {shaped}");
            }
        }
    }

    #[test]
    fn fields_that_are_not_kept_leave_no_trace_in_another_shape() {
        let kept = Some(&["src_ip", "ja4"][..]);
        let eve = line(Format::Eve, kept, &sample::record());
        assert_eq!(
            eve,
            "{\"event_type\":\"tls\",\"src_ip\":\"192.0.2.7\",\
             \"tls\":{\"ja4\":\"t13d1516h2_8daaf6152771_02713d6af862\"}}\n"
        );
    }

    fn assert_parts(line: &str, expected: Value) {
        let line: Value = serde_json::from_str(line).unwrap();
        let Value::Object(expected) = expected else { panic!() };
        for (key, value) in expected {
            assert_eq!(line[&key], value, "{key}");
        }
    }
}
