//! Hellos as we and as others see them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, Result};

use crate::lists::{Lists, without_grease};
use crate::observed::{self, Record, unescaped};

/// A connection, client first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tuple {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
}

impl Tuple {
    /// From addresses as text.
    pub(super) fn new(client: (&str, u16), server: (&str, u16)) -> Result<Self> {
        let end = |(address, port): (&str, u16)| -> Result<SocketAddr> {
            let address: IpAddr =
                address.parse().with_context(|| format!("no address: {address:?}"))?;
            Ok(SocketAddr::new(address, port))
        };
        Ok(Self { client: end(client)?, server: end(server)? })
    }

    /// From ports alone, where nobody says between whom.
    pub(super) fn of_ports(client: u16, server: u16) -> Self {
        let end = |port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        Self { client: end(client), server: end(server) }
    }

    pub(super) fn reversed(self) -> Self {
        Self { client: self.server, server: self.client }
    }

    /// Whether both have the same ports.
    pub(super) fn has_ports_of(&self, other: &Self) -> bool {
        self.client.port() == other.client.port() && self.server.port() == other.server.port()
    }
}

impl std::fmt::Display for Tuple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.client, self.server)
    }
}

/// What others say about a hello's structure that a record does not hold: enough to tell what they
/// make of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Structure {
    /// Signature algorithms of every such extension, GREASE included, in wire order.
    pub(super) algorithms: Vec<u16>,
    /// The cipher list has an odd number of bytes.
    pub(super) odd_ciphers: bool,
    /// Types of extensions whose content breaks its own structure.
    pub(super) broken: Vec<u16>,
}

/// A hello of ours, or what was no hello and why.
#[derive(Debug, Clone, Default)]
pub(super) struct Hello {
    pub(super) record: Record,
    pub(super) lists: Lists,
    /// From another reader, where one has it.
    pub(super) structure: Structure,
}

/// Everything that `read` says about a capture, by connection, in order.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) hellos: Vec<(Tuple, Hello)>,
    /// Connections whose hello was reported without fingerprint, and the reason.
    pub(super) incomplete: Vec<(Tuple, String)>,
}

impl Own {
    /// Reads a capture; checks on the way that JA4 and JA3 of each record follow from its lists.
    pub(super) fn read(agent: &Path, capture: &Path) -> Result<Self> {
        let mut own = Self::default();
        for record in observed::read_with(agent, capture, &["--incomplete"])?.records {
            let client = record.proxy_ip.as_deref().unwrap_or(&record.src_ip);
            let port = record.proxy_port.unwrap_or(record.src_port);
            let tuple = Tuple::new((client, port), (&record.dst_ip, record.dst_port))?;
            if let Some(reason) = record.reason {
                own.incomplete.push((tuple, reason));
                continue;
            }
            let lists = lists(&record).with_context(|| format!("{tuple}: not a record"))?;
            own.hellos.push((tuple, Hello { record, lists, ..Hello::default() }));
        }
        Ok(own)
    }
}

impl Hello {
    /// JA4 and JA3, computed from the lists.
    pub(super) fn recomputed(&self) -> (String, String) {
        (self.lists.ja4(), self.lists.ja3())
    }

    pub(super) fn has_oddity(&self, name: &str) -> bool {
        self.record.oddities.iter().any(|oddity| oddity == name)
    }
}

/// The lists that a record holds, GREASE left out except among the versions.
fn lists(record: &Record) -> Result<Lists> {
    let mut ja3 = record.ja3.split(',');
    let mut numbers = || -> Result<Vec<u16>> {
        let list = ja3.next().context("JA3 has too few lists")?.split('-');
        let numbers = list.filter(|code| !code.is_empty()).map(str::parse);
        numbers.collect::<Result<_, _>>().context("JA3 holds no numbers")
    };
    let version = numbers()?;
    let (ciphers, extensions, groups, formats) = (numbers()?, numbers()?, numbers()?, numbers()?);
    Ok(Lists {
        version: version.first().copied().context("JA3 has no version")?,
        ciphers,
        extensions,
        groups,
        formats: formats.into_iter().flat_map(u8::try_from).collect(),
        algorithms: algorithms(&record.ja4_r),
        versions: record.supported_versions.iter().flat_map(|code| hex(code)).collect(),
        alpn: record.alpn.first().map(|name| unescaped(name)).unwrap_or_default(),
    })
}

/// The signature algorithms in a JA4_r.
pub(super) fn algorithms(ja4_r: &str) -> Vec<u16> {
    ja4_r.split('_').nth(3).unwrap_or_default().split(',').flat_map(hex).collect()
}

fn hex(code: &str) -> Option<u16> {
    u16::from_str_radix(code, 16).ok()
}

/// A hello as another program sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Empty when it prints none.
    pub(super) ja4: String,
    /// The JA3 string.
    pub(super) ja3: String,
    pub(super) server_name: Option<String>,
    /// What identifies the hello among those of its connection, where the program says.
    pub(super) random: String,
    /// Whether its segment was sent before.
    pub(super) is_repetition: bool,
    pub(super) structure: Structure,
}

impl Structure {
    /// Takes over what another reader saw, when it fits what we have.
    pub(super) fn fits(&self, lists: &Lists) -> bool {
        without_grease(&self.algorithms).starts_with(&lists.algorithms)
    }
}
