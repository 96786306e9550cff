//! The crates that end up in the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::architecture::Architecture;
use crate::{process, workspace};

/// The packages that are linked, each with its target: the agent, and the kernel program in it.
const ROOTS: [(&str, &str); 2] =
    [("ja4sentinel", Architecture::HOST.target()), ("ja4sentinel-ebpf", "bpfel-unknown-none")];

/// A crate's name and version.
pub(super) type Id = (String, String);

/// What is linked, and by whom.
pub(super) struct Linked {
    /// Sorted by name, our own crates among them.
    pub(super) crates: Vec<Crate>,
    /// The crates that each crate calls.
    pub(super) calls: BTreeMap<Id, BTreeSet<Id>>,
}

/// One crate, as cargo describes it.
#[derive(Deserialize)]
pub(super) struct Crate {
    name: String,
    version: String,
    pub(super) license: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) manifest_path: PathBuf,
    /// Absent for our own.
    pub(super) source: Option<String>,
}

impl Crate {
    pub(super) fn id(&self) -> Id {
        (self.name.clone(), self.version.clone())
    }
}

impl Linked {
    /// Asks cargo.
    pub(super) fn find() -> Result<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            packages: Vec<Crate>,
        }
        let mut crates: BTreeMap<Id, Crate> = BTreeMap::new();
        let mut calls = BTreeMap::new();
        for (root, target) in ROOTS {
            let mut tree = workspace::cargo();
            tree.args(["tree", "--locked", "--package", root, "--target", target]);
            tree.args(["--edges", "normal,no-proc-macro", "--prefix", "depth"]);
            read(&process::output(tree.args(["--format", " {p}"]))?, &mut calls)?;
            let mut metadata = workspace::cargo();
            metadata.args(["metadata", "--locked", "--format-version", "1"]);
            metadata.args(["--filter-platform", target]);
            let metadata: Metadata = serde_json::from_str(&process::output(&mut metadata)?)
                .context("`cargo metadata` printed something unexpected")?;
            crates.extend(metadata.packages.into_iter().map(|found| (found.id(), found)));
        }
        crates.retain(|id, _| calls.contains_key(id));
        Ok(Self { crates: crates.into_values().collect(), calls })
    }
}

/// Reads lines such as `2 aya-obj v0.3.0 (*)`, where the number is the depth in the tree.
fn read(tree: &str, calls: &mut BTreeMap<Id, BTreeSet<Id>>) -> Result<()> {
    let mut above: Vec<Id> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [depth, name, version, ..] = *words.as_slice() else {
            anyhow::bail!("`cargo tree` printed an unexpected line: {line}");
        };
        let id = (name.to_owned(), version.trim_start_matches('v').to_owned());
        calls.entry(id.clone()).or_default();
        above.truncate(depth.parse().with_context(|| format!("no depth: {line}"))?);
        if let Some(caller) = above.last() {
            calls.entry(caller.clone()).or_default().insert(id.clone());
        }
        above.push(id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_with_its_edges() {
        let tree = "0 a v1.0.0 (/x/a)\n1 b v2.1.0\n2 c v3.0.0\n1 c v3.0.0 (*)\n\n";
        let mut calls = BTreeMap::new();
        read(tree, &mut calls).unwrap();
        let id = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let (b, c) = (id("b", "2.1.0"), id("c", "3.0.0"));
        assert_eq!(calls[&id("a", "1.0.0")], BTreeSet::from([b.clone(), c.clone()]));
        assert_eq!(calls[&b], BTreeSet::from([c.clone()]));
        assert!(calls[&c].is_empty());
    }
}
