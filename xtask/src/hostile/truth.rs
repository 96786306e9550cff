//! The generator's truth file, and the fingerprints that follow from it: computed here a second
//! time, from the lists, so that the agent is not its own judge.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A connection, client first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(super) struct Tuple {
    #[serde(alias = "src")]
    src_ip: IpAddr,
    #[serde(alias = "sport")]
    src_port: u16,
    #[serde(alias = "dst")]
    dst_ip: IpAddr,
    #[serde(alias = "dport")]
    dst_port: u16,
}

/// One line of the truth file: one connection.
#[derive(Debug, Deserialize)]
pub(super) struct Connection {
    #[serde(flatten)]
    pub(super) tuple: Tuple,
    /// The kind of hostility.
    #[serde(rename = "cat")]
    pub(super) category: String,
    /// Hellos that have to be found.
    pub(super) min: u32,
    /// Hellos that may be found.
    pub(super) max: u32,
    #[serde(flatten)]
    pub(super) hello: Option<Lists>,
}

/// The lists of a hello, in wire order, GREASE included.
#[derive(Debug, Deserialize)]
pub(super) struct Lists {
    ver: u16,
    ciphers: Vec<u16>,
    exts: Vec<u16>,
    groups: Vec<u16>,
    pf: Vec<u8>,
    sigalgs: Vec<u16>,
    sv: Vec<u16>,
    alpn: Vec<String>,
}

/// All connections, by tuple: a tuple may be used more than once.
pub(super) struct Truth(pub(super) HashMap<Tuple, Vec<Connection>>);

impl Truth {
    pub(super) fn load(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut all: HashMap<Tuple, Vec<Connection>> = HashMap::new();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let connection: Connection = serde_json::from_str(&line?)
                .with_context(|| format!("{}, line {}", path.display(), number + 1))?;
            all.entry(connection.tuple.clone()).or_default().push(connection);
        }
        Ok(Self(all))
    }
}

impl Lists {
    /// The JA3 string.
    pub(super) fn ja3(&self) -> String {
        let list = |codes: &[u16]| join(&without_grease(codes), "-", u16::to_string);
        let formats = join(&self.pf, "-", u8::to_string);
        let (ciphers, groups) = (list(&self.ciphers), list(&self.groups));
        format!("{},{ciphers},{},{groups},{formats}", self.ver, list(&self.exts))
    }

    /// JA4. The corpus has no ALPN name that needs the hexadecimal rule.
    pub(super) fn ja4(&self) -> String {
        let hex = |codes: &[u16]| join(codes, ",", |code| format!("{code:04x}"));
        let newest = without_grease(&self.sv).into_iter().max().unwrap_or(self.ver);
        let version = match newest {
            0x0304 => "13",
            0x0303 => "12",
            0x0302 => "11",
            0x0301 => "10",
            _ => "00",
        };
        let (mut ciphers, mut extensions) =
            (without_grease(&self.ciphers), without_grease(&self.exts));
        let name = if extensions.contains(&0) { 'd' } else { 'i' };
        let ends = self
            .alpn
            .first()
            .and_then(|first| Some(format!("{}{}", first.chars().next()?, first.chars().last()?)));
        let counts = format!("{:02}{:02}", ciphers.len().min(99), extensions.len().min(99));
        ciphers.sort_unstable();
        extensions.retain(|kind| !matches!(kind, 0 | 16));
        extensions.sort_unstable();
        let mut third = hex(&extensions);
        let algorithms = without_grease(&self.sigalgs);
        if !algorithms.is_empty() {
            third = format!("{third}_{}", hex(&algorithms));
        }
        let ends = ends.as_deref().unwrap_or("00");
        format!("t{version}{name}{counts}{ends}_{}_{}", hash(&hex(&ciphers)), hash(&third))
    }
}

fn without_grease(codes: &[u16]) -> Vec<u16> {
    codes
        .iter()
        .copied()
        .filter(|code| code & 0x0f0f != 0x0a0a || code >> 8 != code & 0xff)
        .collect()
}

fn join<T>(items: &[T], separator: &str, print: impl Fn(&T) -> String) -> String {
    items.iter().map(print).collect::<Vec<_>>().join(separator)
}

fn hash(list: &str) -> String {
    if list.is_empty() {
        return "0".repeat(12);
    }
    let digest = Sha256::digest(list.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example_of_the_ja4_document() {
        let lists = Lists {
            ver: 0x0303,
            ciphers: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            exts: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            groups: vec![0x001d],
            pf: vec![0],
            sigalgs: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            sv: vec![0x0304],
            alpn: vec!["h2".to_owned()],
        };
        assert_eq!(lists.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(lists.ja3().starts_with("771,4865-4866-"));
    }
}
