//! What the programs print, each in its own way, as hellos.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use ja4sentinel_tests::tshark::BETWEEN;
use serde::Deserialize;

use super::corpora::Tuple;
use super::score::Print;

/// How a program writes its hellos, one or more a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Our own records.
    Records,
    /// The columns of [`TSHARK_FIELDS`].
    Tshark,
    /// Suricata's eve.
    Eve,
    /// What serde makes of the crate's own type.
    Huginn,
    /// What our own driver for gopacket prints.
    Gopacket,
}

/// What tshark is asked for.
pub(super) const TSHARK_FIELDS: [&str; 8] = [
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "tls.handshake.ja3",
    "tls.handshake.ja4",
];

/// The hellos of a file, which its writer may have left in the middle of a line.
pub(super) fn hellos(format: Format, path: &Path) -> Result<Vec<Print>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut lines = BufReader::with_capacity(1 << 18, file);
    let (mut hellos, mut line, mut number) = (Vec::new(), Vec::new(), 0);
    while lines.read_until(b'\n', &mut line)? > 0 {
        number += 1;
        if line.ends_with(b"\n") {
            let read = format.read(&String::from_utf8_lossy(&line), &mut hellos);
            read.with_context(|| format!("{}, line {number}", path.display()))?;
        }
        line.clear();
    }
    Ok(hellos)
}

/// One of our records, or of gopacket's.
#[derive(Deserialize)]
struct Record {
    #[serde(alias = "src")]
    src_ip: IpAddr,
    #[serde(alias = "sport")]
    src_port: u16,
    #[serde(alias = "dst")]
    dst_ip: IpAddr,
    #[serde(alias = "dport")]
    dst_port: u16,
    ja4: String,
    ja3_hash: String,
}

#[derive(Deserialize)]
struct Event {
    src_ip: IpAddr,
    src_port: u16,
    dest_ip: IpAddr,
    dest_port: u16,
    tls: EventTls,
}

#[derive(Deserialize)]
struct EventTls {
    ja4: Option<String>,
    ja3: Option<EventJa3>,
}

#[derive(Deserialize)]
struct EventJa3 {
    hash: Option<String>,
}

#[derive(Deserialize)]
struct Huginn {
    source: HuginnEnd,
    destination: HuginnEnd,
    sig: HuginnSignature,
}

#[derive(Deserialize)]
struct HuginnEnd {
    ip: IpAddr,
    port: u16,
}

#[derive(Deserialize)]
struct HuginnSignature {
    ja4: String,
}

impl Format {
    fn read(self, line: &str, hellos: &mut Vec<Print>) -> Result<()> {
        match self {
            Self::Records | Self::Gopacket => {
                let Record { src_ip, src_port, dst_ip, dst_port, ja4, ja3_hash } =
                    serde_json::from_str(line)?;
                let tuple = Tuple { src_ip, src_port, dst_ip, dst_port };
                hellos.push(Print { tuple, ja4: Some(ja4), ja3: Some(ja3_hash) });
            }
            Self::Tshark => tshark(line, hellos)?,
            Self::Eve => {
                if !line.contains("\"event_type\":\"tls\"") {
                    return Ok(());
                }
                let Event { src_ip, src_port, dest_ip, dest_port, tls } =
                    serde_json::from_str(line)?;
                let tuple = Tuple { src_ip, src_port, dst_ip: dest_ip, dst_port: dest_port };
                let (ja4, ja3) = (tls.ja4, tls.ja3.and_then(|ja3| ja3.hash));
                if ja4.is_some() || ja3.is_some() {
                    hellos.push(Print { tuple, ja4, ja3 });
                }
            }
            Self::Huginn => {
                let Huginn { source, destination, sig } = serde_json::from_str(line)?;
                let tuple = Tuple {
                    src_ip: source.ip,
                    src_port: source.port,
                    dst_ip: destination.ip,
                    dst_port: destination.port,
                };
                hellos.push(Print { tuple, ja4: Some(sig.ja4), ja3: None });
            }
        }
        Ok(())
    }
}

/// A frame of tshark's, maybe with several hellos.
fn tshark(line: &str, hellos: &mut Vec<Print>) -> Result<()> {
    let columns: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
    let [v4_source, v6_source, source, v4_destination, v6_destination, destination, ja3, ja4] =
        columns.as_slice()
    else {
        anyhow::bail!("{} columns", columns.len());
    };
    let address = |v4: &str, v6: &str| -> Result<IpAddr> {
        let text = if v4.is_empty() { v6 } else { v4 };
        Ok(text.split(BETWEEN).next().unwrap_or_default().parse()?)
    };
    let tuple = Tuple {
        src_ip: address(v4_source, v6_source)?,
        src_port: source.parse()?,
        dst_ip: address(v4_destination, v6_destination)?,
        dst_port: destination.parse()?,
    };
    let mut ja4 = ja4.split(BETWEEN).filter(|text| !text.is_empty());
    for ja3 in ja3.split(BETWEEN) {
        let ja3 = Some(ja3.to_owned()).filter(|text| !text.is_empty());
        let ja4 = ja4.next().map(str::to_owned);
        hellos.push(Print { tuple: tuple.clone(), ja4, ja3 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(format: Format, line: &str) -> String {
        let mut hellos = Vec::new();
        format.read(line, &mut hellos).unwrap();
        hellos
            .iter()
            .map(|Print { tuple, ja4, ja3 }| {
                let (ja4, ja3) = (ja4.as_deref().unwrap_or("-"), ja3.as_deref().unwrap_or("-"));
                format!(
                    "{}:{} {}:{} {ja4} {ja3};",
                    tuple.src_ip, tuple.src_port, tuple.dst_ip, tuple.dst_port
                )
            })
            .collect()
    }

    #[test]
    fn each_in_its_own_way() {
        let record = r#"{"src_ip":"192.0.2.2","src_port":5,"dst_ip":"192.0.2.1","dst_port":443,"ja4":"a","ja3_hash":"b","sni":"x"}"#;
        assert_eq!(one(Format::Records, record), "192.0.2.2:5 192.0.2.1:443 a b;");
        let frame = "192.0.2.2\t\t5\t192.0.2.1\t\t443\tb;c\ta;d\n";
        assert_eq!(
            one(Format::Tshark, frame),
            "192.0.2.2:5 192.0.2.1:443 a b;192.0.2.2:5 192.0.2.1:443 d c;"
        );
        let event = r#"{"event_type":"tls","src_ip":"fd4a::2","src_port":5,"dest_ip":"fd4a::1","dest_port":443,"tls":{"ja3":{"hash":"b"}}}"#;
        assert_eq!(one(Format::Eve, event), "fd4a::2:5 fd4a::1:443 - b;");
        assert_eq!(one(Format::Eve, r#"{"event_type":"flow"}"#), "");
        let huginn = r#"{"source":{"ip":"192.0.2.2","port":5},"destination":{"ip":"192.0.2.1","port":443},"sig":{"ja4":"a"}}"#;
        assert_eq!(one(Format::Huginn, huginn), "192.0.2.2:5 192.0.2.1:443 a -;");
    }
}
