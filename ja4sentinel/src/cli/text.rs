//! A record for the eye.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, UNIX_EPOCH};

use ja4sentinel::record::{Kind, Record, Text};

/// Writes `record` as one line with its fingerprint and one with what else is known.
///
/// # Errors
/// Those of `out`.
pub(super) fn write(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let time = UNIX_EPOCH + Duration::from_nanos(record.timestamp);
    let verdict = match record.kind {
        Kind::Hello => record.ja4.as_str(),
        Kind::Incomplete => record.reason.unwrap_or("incomplete"),
    };
    writeln!(
        out,
        "{}  {} -> {}  {verdict}{}",
        humantime::format_rfc3339_micros(time),
        SocketAddr::new(record.src_ip, record.src_port),
        SocketAddr::new(record.dst_ip, record.dst_port),
        Shown("  sni ", record.sni.as_ref().map(|sni| Harmless(sni.as_str()))),
    )?;
    write!(out, "   ")?;
    if record.kind == Kind::Hello {
        write!(out, " ja3 {}", record.ja3_hash)?;
        if !record.alpn.is_empty() {
            let names: Vec<_> = record.alpn.iter().map(Text::as_str).collect();
            write!(out, "  alpn {}", Harmless(&names.join(",")))?;
        }
        if record.hello_index > 1 {
            write!(out, "  hello {}", record.hello_index)?;
        }
    }
    write!(out, "  ttl {}  window {}", record.ip_meta_ttl, record.tcp_meta_window_size)?;
    write!(out, "{}", Shown("  mss ", record.tcp_meta_mss))?;
    write!(out, "{}", Shown("  scale ", record.tcp_meta_window_scale))?;
    if !record.tcp_meta_options.is_empty() {
        write!(out, "  options {}", record.tcp_meta_options)?;
    }
    write!(out, "{}", Shown("  after SYN us ", record.syn_to_hello_us))?;
    write!(out, "{}", Shown("  on ", record.interface.as_deref().map(Harmless)))?;
    if !record.oddities.is_empty() {
        write!(out, "  odd: {}", record.oddities.join(","))?;
    }
    writeln!(out)
}

/// A label and a value, or nothing.
struct Shown<T>(&'static str, Option<T>);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.1 {
            Some(value) => write!(f, "{}{value}", self.0),
            None => Ok(()),
        }
    }
}

/// Text that a client or a file chose, without what would move or recolour a terminal.
struct Harmless<'a>(&'a str);

impl fmt::Display for Harmless<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\'' | '"' | '\\' => f.write_char(c)?,
                other => write!(f, "{}", other.escape_debug())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_safe() {
        let shown =
            Harmless("a\u{1b}[31m\r\n\u{202e}é'\"\\xff\u{7f}\u{85}\u{9b}2J\u{2028}").to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\r\\n\\u{202e}é'\"\\xff\\u{7f}\\u{85}\\u{9b}2J\\u{2028}");
    }
}
