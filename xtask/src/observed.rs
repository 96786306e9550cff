//! What `read` says about a capture.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Exit codes of `read`: a capture is damaged or cut off, a file is no capture.
const DAMAGED: i32 = 3;
const NO_CAPTURE: i32 = 4;

/// The fields of a record that are compared.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) src_ip: String,
    pub(crate) src_port: u16,
    pub(crate) dst_ip: String,
    pub(crate) dst_port: u16,
    pub(crate) transport: String,
    pub(crate) ja4: String,
    pub(crate) ja4_r: String,
    pub(crate) ja4_o: String,
    pub(crate) ja4_ro: String,
    pub(crate) ja3: String,
    pub(crate) ja3_hash: String,
    pub(crate) sni: String,
    pub(crate) alpn: Vec<String>,
    pub(crate) supported_versions: Vec<String>,
    pub(crate) oddities: Vec<String>,
    pub(crate) proxy_ip: Option<String>,
    pub(crate) proxy_port: Option<u16>,
    /// Why there is no fingerprint; only with `--incomplete`.
    pub(crate) reason: Option<String>,
}

/// What `read` gave and said.
pub(crate) struct Reading {
    /// In their order.
    pub(crate) records: Vec<Record>,
    /// Its last words, when it found the capture damaged.
    pub(crate) fault: Option<String>,
}

/// The records of a capture, in their order.
pub(crate) fn read(agent: &Path, capture: &Path) -> Result<Vec<Record>> {
    let Reading { records, fault } = read_with(agent, capture, &[])?;
    if let Some(fault) = fault {
        bail!("{}: {fault}", capture.display());
    }
    Ok(records)
}

/// The same with further arguments; the records of a damaged capture come up to the damage.
pub(crate) fn read_with(agent: &Path, capture: &Path, arguments: &[&str]) -> Result<Reading> {
    let output = Command::new(agent)
        .arg("read")
        .args(arguments)
        .arg(capture)
        .output()
        .with_context(|| format!("cannot start {}", agent.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if text.contains("does not balance") {
        bail!("{}: {}", capture.display(), text.trim());
    }
    let fault = match output.status.code() {
        Some(0) => None,
        Some(DAMAGED | NO_CAPTURE) => text.lines().last().map(str::to_owned),
        _ => bail!("read ends with {}: {}", output.status, text.trim()),
    };
    let lines = std::str::from_utf8(&output.stdout).context("a record that is not UTF-8")?;
    let parse = |line| serde_json::from_str(line).with_context(|| format!("not a record: {line}"));
    Ok(Reading { records: lines.lines().map(parse).collect::<Result<_>>()?, fault })
}

/// The bytes that a record's escaped text stands for.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.strip_prefix(b"x").and_then(|tail| {
            let (digits, tail) = tail.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok()?;
            Some((u8::from_str_radix(digits, 16).ok()?, tail))
        });
        match escaped {
            Some((byte, tail)) if first == b'\\' => {
                bytes.push(byte);
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped("a\\xff\\x5cx41"), b"a\xff\\x41");
        assert_eq!(unescaped("é"), "é".as_bytes());
        assert_eq!(unescaped("\\"), b"\\");
    }
}
