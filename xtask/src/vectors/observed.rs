//! What `read` says about a capture.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The fields of a record that are compared.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) src_ip: String,
    pub(super) src_port: u16,
    pub(super) dst_ip: String,
    pub(super) dst_port: u16,
    pub(super) transport: String,
    pub(super) ja4: String,
    pub(super) ja4_r: String,
    pub(super) ja4_o: String,
    pub(super) ja4_ro: String,
    pub(super) ja3: String,
    pub(super) ja3_hash: String,
    #[serde(default)]
    pub(super) sni: String,
    #[serde(default)]
    pub(super) alpn: Vec<String>,
}

/// The records of a capture, in their order.
pub(super) fn read(agent: &Path, capture: &Path) -> Result<Vec<Record>> {
    let output = Command::new(agent)
        .arg("read")
        .arg(capture)
        .output()
        .with_context(|| format!("cannot start {}", agent.display()))?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("read ends with {}: {}", output.status, text.trim());
    }
    if text.contains("does not balance") {
        bail!("{}: {}", capture.display(), text.trim());
    }
    let lines = std::str::from_utf8(&output.stdout).context("a record that is not UTF-8")?;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no record: {line}")))
        .collect()
}

/// The bytes that a record's escaped text stands for.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
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
