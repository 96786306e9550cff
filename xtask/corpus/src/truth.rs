//! The truth file: a line of JSON for each connection that sends bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::flow::Flow;
use super::hello::Hello;
use crate::lists::Lists;

/// A connection, client first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Tuple {
    /// The client's address.
    #[serde(alias = "src")]
    pub src_ip: IpAddr,
    /// The client's port.
    #[serde(alias = "sport")]
    pub src_port: u16,
    /// The server's address.
    #[serde(alias = "dst")]
    pub dst_ip: IpAddr,
    /// The server's port.
    #[serde(alias = "dport")]
    pub dst_port: u16,
}

/// One line of the truth file: one connection.
#[derive(Debug, Deserialize)]
pub struct Connection {
    /// Its ends.
    #[serde(flatten)]
    pub tuple: Tuple,
    /// The kind of hostility, or of its absence.
    #[serde(rename = "cat")]
    pub category: String,
    /// Hellos that have to be found.
    pub min: u32,
    /// Hellos that may be found.
    pub max: u32,
    /// What the hello holds, where the truth tells it.
    #[serde(flatten)]
    pub hello: Option<Lists>,
}

/// All connections, by tuple: a tuple may be used more than once.
pub struct Truth(pub HashMap<Tuple, Vec<Connection>>);

impl Truth {
    /// Reads a truth file; an error names the line.
    pub fn load(path: &Path) -> Result<Self> {
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

/// What has to come of a connection.
pub(super) struct Outcome<'a> {
    pub(super) category: &'static str,
    pub(super) min: u32,
    pub(super) max: u32,
    /// With the number of segments that it came in.
    pub(super) hello: Option<(&'a Hello, usize)>,
}

impl<'a> Outcome<'a> {
    /// Exactly this hello.
    pub(super) fn found(category: &'static str, hello: &'a Hello, segments: usize) -> Self {
        Self { category, min: 1, max: 1, hello: Some((hello, segments)) }
    }
}

/// Writes a truth file.
pub(super) struct Writer<'a>(BufWriter<&'a mut dyn Write>);

impl<'a> Writer<'a> {
    pub(super) fn new(truth: &'a mut dyn Write) -> Self {
        Self(BufWriter::new(truth))
    }

    pub(super) fn write(&mut self, flow: &Flow, outcome: &Outcome<'_>) -> io::Result<()> {
        let line = Line {
            src: flow.client,
            sport: flow.client_port,
            dst: flow.server,
            dport: flow.server_port,
            cat: outcome.category,
            min: outcome.min,
            max: outcome.max,
            hello: outcome.hello.map(|(hello, segments)| HelloLine::new(hello, segments)),
        };
        serde_json::to_writer(&mut self.0, &line)?;
        self.0.write_all(b"\n")
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a> {
    src: IpAddr,
    sport: u16,
    dst: IpAddr,
    dport: u16,
    cat: &'a str,
    min: u32,
    max: u32,
    #[serde(flatten)]
    hello: Option<HelloLine<'a>>,
}

/// The part of a line that tells of the hello.
#[derive(Serialize)]
struct HelloLine<'a> {
    profile: &'a str,
    hs_len: usize,
    segs: usize,
    ver: u16,
    ciphers: &'a [u16],
    exts: &'a [u16],
    groups: &'a [u16],
    pf: &'a [u8],
    sigalgs: &'a [u16],
    sv: &'a [u16],
    alpn: &'a [&'a str],
    sni: Option<&'a str>,
}

impl<'a> HelloLine<'a> {
    fn new(hello: &'a Hello, segments: usize) -> Self {
        let draft = &hello.draft;
        Self {
            profile: hello.client.name(),
            hs_len: hello.message_length,
            segs: segments,
            ver: draft.version,
            ciphers: &draft.ciphers,
            exts: &hello.extensions,
            groups: &draft.groups,
            pf: &draft.formats,
            sigalgs: &draft.algorithms,
            sv: &draft.versions,
            alpn: draft.alpn,
            sni: draft.server_name.as_deref(),
        }
    }
}
