//! The generator's truth file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::lists::Lists;

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
