//! Syslog messages, RFC 5424.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::utsname::uname;

use crate::output::settings::{SyslogConfig, SyslogTransport};
use crate::record::Record;

/// Severity "informational", RFC 5424 table 2.
const INFORMATIONAL: u8 = 6;

/// What goes around a line.
pub(super) struct Header {
    priority: u8,
    hostname: String,
    process: u32,
    octet_counting: bool,
}

impl Header {
    pub(super) fn new(config: &SyslogConfig) -> Self {
        Self {
            priority: config.facility.number() * 8 + INFORMATIONAL,
            hostname: hostname(),
            process: std::process::id(),
            octet_counting: matches!(config.transport, SyslogTransport::Tcp(_)),
        }
    }

    /// Makes a message of the `text`, which has no newline. Over TCP it comes behind its length;
    /// elsewhere it ends with a newline, which does not belong to the message.
    pub(super) fn message(&self, record: &Record, text: &[u8], line: &mut Vec<u8>) {
        let at = UNIX_EPOCH + Duration::from_nanos(record.timestamp);
        let header = format!(
            "<{}>1 {} {} ja4sentinel {} hello - ",
            self.priority,
            humantime::format_rfc3339_micros(at),
            self.hostname,
            self.process,
        );
        if self.octet_counting {
            let _ = write!(line, "{} ", header.len() + text.len());
        }
        line.extend_from_slice(header.as_bytes());
        line.extend_from_slice(text);
        if !self.octet_counting {
            line.push(b'\n');
        }
    }
}

/// The host's name, or the nil value.
fn hostname() -> String {
    // By the system call: a confined agent reads no file for it.
    let name = uname().map_or(String::new(), |it| it.nodename().to_string_lossy().into_owned());
    let name: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use crate::output::settings::{Facility, HostPort};

    fn message(transport: SyslogTransport) -> String {
        let facility = Facility::named("local1").unwrap();
        let mut line = Vec::new();
        Header {
            hostname: "host".into(),
            process: 7,
            ..Header::new(&SyslogConfig { transport, facility })
        }
        .message(&sample::record(), b"{}", &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn messages_are_those_of_rfc_5424() {
        let expected = "<142>1 2026-01-02T03:04:05.678901Z host ja4sentinel 7 hello - {}";
        let unix = message(SyslogTransport::Unix("/dev/log".into()));
        assert_eq!(unix, format!("{expected}\n"));
        let tcp = message(SyslogTransport::Tcp(HostPort { host: "h".into(), port: 1 }));
        assert_eq!(tcp, format!("{} {expected}", expected.len()));
    }
}
