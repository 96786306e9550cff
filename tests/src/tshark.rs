//! tshark as a second opinion: what Wireshark 4.4 and later print for the ClientHellos of a
//! capture.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::chroot::Program;

/// The first version that prints JA4.
const LEAST: (u32, u32) = (4, 4);

/// What each line of tshark's output gives: of the frame, then of each hello that it completes.
const FIELDS: [&str; 22] = [
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tls.handshake.ja3",
    "tls.handshake.ja3_full",
    "tls.handshake.ja4",
    "tls.handshake.ja4_r",
    "tls.handshake.random",
    "tls.handshake.extensions_server_name",
    "tls.handshake.cipher_suites_length",
    "tls.handshake.sig_hash_alg_len",
    "tls.handshake.extensions.supported_versions_len",
    "tls.handshake.extensions_server_name_len",
];

/// Those of them that say that a segment was sent before.
const AGAIN: [&str; 3] = [
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
];

/// Stands between the values of a field that occurs more than once in a frame.
pub const BETWEEN: char = ';';

/// One ClientHello as tshark reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// Number of the frame that completes it, from 1.
    pub frame: u64,
    /// The client's address, innermost in tunnels; empty where tshark prints none.
    pub source: String,
    /// The client's port.
    pub source_port: u16,
    /// The server's address, innermost in tunnels; empty where tshark prints none.
    pub destination: String,
    /// The server's port.
    pub destination_port: u16,
    /// Sequence number of the segment that completes it.
    pub sequence: u32,
    /// Whether tshark takes that segment for one that was sent before.
    pub is_retransmission: bool,
    /// JA4; empty where tshark prints none, as is each further string.
    pub ja4: String,
    /// JA4 with lists in place of hashes.
    pub ja4_r: String,
    /// The JA3 string.
    pub ja3: String,
    /// Its MD5.
    pub ja3_hash: String,
    /// `random`, in hexadecimal.
    pub random: String,
    /// The server name, where there is one.
    pub sni: Option<String>,
    /// Length of the cipher list as the hello states it, bytes.
    pub cipher_bytes: Option<u16>,
    /// The same of each list of signature algorithms.
    pub algorithm_bytes: Vec<u16>,
    /// The same of `supported_versions`.
    pub version_bytes: Vec<u16>,
    /// The same of each server name.
    pub name_bytes: Vec<u16>,
}

/// A tshark that prints JA4.
#[derive(Debug)]
pub struct Tshark(Program);

impl Tshark {
    /// The system's own when it is new enough, else that of `cargo xtask setup`.
    pub fn find() -> Option<Self> {
        Program::find("tshark", is_new_enough).map(Self)
    }

    /// Every ClientHello over TCP in a capture, whose servers listen on `port`.
    pub fn client_hellos(&self, capture: &Path, port: u16) -> Result<Vec<Hello>> {
        self.client_hellos_on(capture, &[port])
    }

    /// Every ClientHello over TCP in a capture. What goes to `ports` is taken for TLS whatever it
    /// looks like; tshark judges the rest by well-known ports and by itself.
    pub fn client_hellos_on(&self, capture: &Path, ports: &[u16]) -> Result<Vec<Hello>> {
        let mut command = self.fields("tcp && tls.handshake.type == 1", &FIELDS);
        for port in ports {
            command.args(["-d", &format!("tcp.port=={port},tls")]);
        }
        let mut hellos = Vec::new();
        for line in lines(&mut command, capture)? {
            hellos.extend(parse(&line)?);
        }
        Ok(hellos)
    }

    /// The values of `fields` in each frame that `filter` selects; several values of one field
    /// stand in one string.
    pub fn select(
        &self,
        capture: &Path,
        filter: &str,
        fields: &[&str],
    ) -> Result<Vec<Vec<String>>> {
        let lines = lines(&mut self.fields(filter, fields), capture)?;
        Ok(lines.iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// Its version, as it prints it.
    pub fn version(&self) -> Result<String> {
        version_line(&mut self.0.command()).context("tshark prints no version")
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        self.0.command()
    }

    /// A command that reads a capture from its standard input and prints these fields of each frame
    /// that `filter` selects, between tabs.
    pub fn fields(&self, filter: &str, fields: &[&str]) -> Command {
        let mut command = self.0.command();
        command.args(["-n", "-r", "-"]).args(self.printing(filter, fields));
        command
    }

    /// The arguments for that, whatever is read.
    pub fn printing(&self, filter: &str, fields: &[&str]) -> Vec<String> {
        let aggregator = format!("aggregator={BETWEEN}");
        let options = ["-o", "tcp.reassemble_out_of_order:TRUE", "-Y", filter, "-T", "fields"];
        let columns = ["-E", "separator=/t", "-E", "occurrence=a", "-E", &aggregator];
        let fields = fields.iter().flat_map(|field| ["-e", field]);
        options.into_iter().chain(columns).chain(fields).map(str::to_owned).collect()
    }
}

fn lines(command: &mut Command, capture: &Path) -> Result<Vec<String>> {
    let file = File::open(capture).with_context(|| format!("cannot open {}", capture.display()))?;
    let output = command.stdin(Stdio::from(file)).output().context("cannot start tshark")?;
    if !output.status.success() {
        bail!("tshark: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    // A server name may hold any bytes.
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
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

/// The hellos that one frame completes.
fn parse(line: &str) -> Result<Vec<Hello>> {
    let columns: HashMap<&str, &str> = FIELDS.into_iter().zip(line.split('\t')).collect();
    let column = |name| columns.get(name).copied().unwrap_or_default();
    let values = |name| column(name).split(BETWEEN).filter(|value| !value.is_empty());
    let last = |name| values(name).next_back().unwrap_or_default();
    let count = values("tls.handshake.random").count();
    ensure!(count > 0, "tshark printed no random: {line}");
    // Which hello of several a value belongs to can be told only where each has exactly one.
    let of = |name, index| {
        let mut values: Vec<&str> = values(name).collect();
        if count > 1 {
            values = if values.len() == count { vec![values.swap_remove(index)] } else { vec![] };
        }
        values
    };
    let numbers = |name, index| of(name, index).iter().flat_map(|value| value.parse()).collect();

    let (source, destination) = if is_v6(column("frame.protocols"), column("ip.src")) {
        ("ipv6.src", "ipv6.dst")
    } else {
        ("ip.src", "ip.dst")
    };
    let frame = Hello {
        frame: column("frame.number").parse()?,
        source: last(source).to_owned(),
        source_port: last("tcp.srcport").parse()?,
        destination: last(destination).to_owned(),
        destination_port: last("tcp.dstport").parse()?,
        sequence: last("tcp.seq_raw").parse()?,
        is_retransmission: AGAIN.iter().any(|name| !column(name).is_empty()),
        ..Hello::default()
    };
    let hello = |index| {
        let one = |name| of(name, index).first().copied().unwrap_or_default().to_owned();
        Hello {
            ja4: one("tls.handshake.ja4"),
            ja4_r: one("tls.handshake.ja4_r"),
            ja3: one("tls.handshake.ja3_full"),
            ja3_hash: one("tls.handshake.ja3"),
            random: one("tls.handshake.random"),
            sni: Some(one("tls.handshake.extensions_server_name")).filter(|name| !name.is_empty()),
            cipher_bytes: one("tls.handshake.cipher_suites_length").parse().ok(),
            algorithm_bytes: numbers("tls.handshake.sig_hash_alg_len", index),
            version_bytes: numbers("tls.handshake.extensions.supported_versions_len", index),
            name_bytes: numbers("tls.handshake.extensions_server_name_len", index),
            ..frame.clone()
        }
    };
    Ok((0..count).map(hello).collect())
}

/// Whether the TCP segment lies in IPv6, in whatever that lies. Where tshark guesses at the IP
/// header, as behind MPLS, it does not name it among the protocols.
pub fn is_v6(protocols: &str, v4_source: &str) -> bool {
    let mut layers = protocols.split(':').filter(|layer| matches!(*layer, "ip" | "ipv6"));
    layers.next_back().map_or(v4_source.is_empty(), |layer| layer == "ipv6")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(cells: &[(&str, &str)]) -> String {
        let cell = |name| cells.iter().find(|(field, _)| *field == name).map_or("", |(_, v)| *v);
        FIELDS.map(cell).join("\t")
    }

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(version("TShark (Wireshark) 4.4.18."), Some((4, 4)));
        assert_eq!(version("TShark (Wireshark) 4.0.17 (Git v4.0.17 packaged)."), Some((4, 0)));
        assert!(version("TShark (Wireshark) 4.10.0.").unwrap() >= LEAST);
        assert_eq!(version("no number"), None);
    }

    #[test]
    fn a_frame_may_complete_several_hellos() {
        let frame = [
            ("frame.number", "7"),
            ("frame.protocols", "eth:ethertype:ip:gre:ipv6:tcp:tls"),
            ("ip.src", "192.0.2.1"),
            ("ip.dst", "192.0.2.2"),
            ("ipv6.src", "fd4a::2"),
            ("ipv6.dst", "fd4a::1"),
            ("tcp.srcport", "40000"),
            ("tcp.dstport", "443"),
            ("tcp.seq_raw", "1"),
            ("tls.handshake.random", "00;01"),
            ("tls.handshake.ja4", "t13_a_b;t12_c_d"),
            ("tls.handshake.extensions_server_name", "of.whom"),
        ];
        let hellos = parse(&line(&frame)).unwrap();
        let found: Vec<_> = hellos.iter().map(|h| (&*h.source, &*h.ja4, h.sni.is_some())).collect();
        assert_eq!(found, [("fd4a::2", "t13_a_b", false), ("fd4a::2", "t12_c_d", false)]);
        assert!(parse(&line(&frame[..9])).is_err(), "no hello");
    }
}
