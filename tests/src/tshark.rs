//! tshark as a second opinion: what Wireshark 4.4 and later print for the ClientHellos of a
//! capture.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::process::find_program;

/// Directory below cargo's target directory where `cargo xtask setup` puts a later Debian's tshark.
pub const CHROOT: &str = "chroot-tshark";

/// The first version that prints JA4.
const LEAST: (u32, u32) = (4, 4);

/// What each line of tshark's output gives.
const FIELDS: [&str; 9] = [
    "frame.number",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "tls.handshake.ja4",
    "tls.handshake.ja4_r",
    "tls.handshake.ja3_full",
    "tls.handshake.ja3",
    "tls.handshake.extensions_server_name",
];

/// One ClientHello as tshark reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Number of the frame that completes it, from 1.
    pub frame: u64,
    /// The client's address.
    pub source: String,
    /// The client's port.
    pub source_port: u16,
    /// JA4.
    pub ja4: String,
    /// JA4 with lists in place of hashes.
    pub ja4_r: String,
    /// The JA3 string.
    pub ja3: String,
    /// Its MD5.
    pub ja3_hash: String,
    /// The server name, where there is one.
    pub sni: Option<String>,
}

/// A tshark that prints JA4.
#[derive(Debug)]
pub enum Tshark {
    /// This system's own.
    Host(PathBuf),
    /// A later release's, in this root directory.
    Chroot(PathBuf),
}

impl Tshark {
    /// The system's own when it is new enough, else that of `cargo xtask setup`.
    pub fn find() -> Option<Self> {
        find_program("tshark").filter(|program| is_new_enough(program)).map(Self::Host).or_else(
            || {
                let here = std::env::current_exe().ok()?;
                let roots = here.ancestors().map(|directory| directory.join(CHROOT));
                roots
                    .into_iter()
                    .find(|root| root.join("usr/bin/tshark").is_file())
                    .map(Self::Chroot)
            },
        )
    }

    /// Every ClientHello over TCP in a capture, whose servers listen on `port`.
    pub fn client_hellos(&self, capture: &Path, port: u16) -> Result<Vec<Hello>> {
        let mut command = self.command();
        command.args(["-n", "-r", "-", "-d", &format!("tcp.port=={port},tls")]);
        command.args(["-o", "tcp.reassemble_out_of_order:TRUE"]);
        command.args(["-Y", "tcp && tls.handshake.type == 1"]);
        // Where a frame completes two hellos each field has two values, told apart by commas.
        command.args(["-T", "fields", "-E", "separator=/t", "-E", "occurrence=a"]);
        command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
        let file =
            File::open(capture).with_context(|| format!("cannot open {}", capture.display()))?;
        let output = command.stdin(Stdio::from(file)).output().context("cannot start tshark")?;
        if !output.status.success() {
            bail!("tshark: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout)?.lines().map(parse).collect()
    }

    /// Its version, as it prints it.
    pub fn version(&self) -> Result<String> {
        version_line(&mut self.command()).context("tshark prints no version")
    }

    fn command(&self) -> Command {
        match self {
            Self::Host(program) => Command::new(program),
            Self::Chroot(root) => {
                let mut command = Command::new("chroot");
                command.arg(root).arg("tshark");
                command
            }
        }
    }
}

fn is_new_enough(program: &Path) -> bool {
    version_line(&mut Command::new(program))
        .and_then(|line| version(&line))
        .is_some_and(|version| version >= LEAST)
}

fn version_line(command: &mut Command) -> Option<String> {
    let output = command.arg("--version").stdin(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}

/// Major and minor number of `TShark (Wireshark) 4.4.18.`.
fn version(line: &str) -> Option<(u32, u32)> {
    let mut numbers = line
        .split_whitespace()
        .find_map(|word| {
            let mut parts = word.trim_end_matches('.').split('.');
            Some([parts.next()?.parse().ok()?, parts.next()?.parse().ok()?])
        })?
        .into_iter();
    Some((numbers.next()?, numbers.next()?))
}

fn parse(line: &str) -> Result<Hello> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [frame, v4, v6, port, ja4, ja4_r, ja3, ja3_hash, sni] = columns[..] else {
        bail!("tshark printed {} columns: {line}", columns.len());
    };
    ensure!(!ja4.is_empty(), "tshark printed no JA4: {line}");
    Ok(Hello {
        frame: frame.parse()?,
        source: if v4.is_empty() { v6 } else { v4 }.to_owned(),
        source_port: port.parse()?,
        ja4: ja4.to_owned(),
        ja4_r: ja4_r.to_owned(),
        ja3: ja3.to_owned(),
        ja3_hash: ja3_hash.to_owned(),
        sni: (!sni.is_empty()).then(|| sni.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version("TShark (Wireshark) 4.4.18."), Some((4, 4)));
        assert_eq!(version("TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged)."), Some((4, 0)));
        assert!(version("TShark (Wireshark) 4.10.0.").unwrap() >= LEAST);
        assert_eq!(version("no number"), None);
    }

    #[test]
    fn a_line_without_ja4_is_an_error() {
        assert!(parse("7\t192.0.2.2\t\t40000\t\t\t\t\t").is_err());
        let hello = parse("7\t\tfd4a::2\t40000\tt13_a_b\tr\t771\tmd5\t").unwrap();
        assert_eq!((hello.source.as_str(), hello.sni), ("fd4a::2", None));
    }
}
