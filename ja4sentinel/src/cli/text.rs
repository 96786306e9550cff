//! A record for the eye.

use std::io::{self, Write};
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
        end(record.src_ip, record.src_port),
        end(record.dst_ip, record.dst_port),
        Shown("  sni ", record.sni.as_ref().map(Text::as_str)),
    )?;
    write!(out, "   ")?;
    if record.kind == Kind::Hello {
        write!(out, " ja3 {}", record.ja3_hash)?;
        if !record.alpn.is_empty() {
            write!(
                out,
                "  alpn {}",
                record.alpn.iter().map(Text::as_str).collect::<Vec<_>>().join(",")
            )?;
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
    write!(out, "{}", Shown("  on ", record.interface.as_deref()))?;
    if !record.oddities.is_empty() {
        write!(out, "  odd: {}", record.oddities.join(","))?;
    }
    writeln!(out)
}

fn end(address: std::net::IpAddr, port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address, port)
}

/// A label and a value, or nothing.
struct Shown<T>(&'static str, Option<T>);

impl<T: std::fmt::Display> std::fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.1 {
            Some(value) => write!(f, "{}{value}", self.0),
            None => Ok(()),
        }
    }
}
