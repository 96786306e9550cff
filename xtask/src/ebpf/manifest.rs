//! What the committed object was made of.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::lock;
use super::toolchain::{FLAGS, PROFILE};
use crate::workspace;

/// The crates whose files the object is compiled from.
const CRATES: [&str; 2] = ["ja4sentinel-ebpf", "ja4sentinel-common"];

/// The committed description of the object, one JSON file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) object_sha256: String,
    #[serde(flatten)]
    pub(crate) inputs: Inputs,
    pub(crate) tools: Tools,
}

/// Everything of this repository that decides what the object is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inputs {
    /// SHA-256 of each source file, by path below the root.
    sources: BTreeMap<String, String>,
    /// SHA-256 of the part of Cargo.lock that the kernel program is compiled from.
    lock_sha256: String,
    /// Compiler flags, then the profile's settings.
    flags: Vec<String>,
}

/// The programs that made the object, as they name themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tools {
    pub(crate) rustc: String,
    pub(crate) llvm: String,
    pub(crate) bpf_linker: String,
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, LLVM {}, {}", self.rustc, self.llvm, self.bpf_linker)
    }
}

impl Manifest {
    pub(crate) fn new(object: &[u8], inputs: Inputs, tools: Tools) -> Self {
        Self { object_sha256: sha256(object), inputs, tools }
    }

    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| {
            format!("cannot read {}: run `cargo xtask ebpf build`", path.display())
        })?;
        serde_json::from_slice(&text).with_context(|| {
            format!("{} is no manifest: run `cargo xtask ebpf build`", path.display())
        })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Inputs {
    /// The inputs as they lie in the working tree.
    pub(crate) fn of_tree() -> Result<Self> {
        let mut sources = BTreeMap::new();
        for name in CRATES {
            collect(name, &mut sources)?;
        }
        Ok(Self {
            sources,
            lock_sha256: sha256(lock::part_of(CRATES[0])?.as_bytes()),
            flags: FLAGS.iter().chain(&PROFILE).map(|flag| (*flag).to_owned()).collect(),
        })
    }

    /// One line for each input in which `now` differs from these.
    pub(crate) fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, hash) in &now.sources {
            match self.sources.get(path) {
                None => found.push(format!("{path} is new")),
                Some(old) if old != hash => found.push(format!("{path} has changed")),
                Some(_) => {}
            }
        }
        for path in self.sources.keys().filter(|path| !now.sources.contains_key(*path)) {
            found.push(format!("{path} is gone"));
        }
        if self.lock_sha256 != now.lock_sha256 {
            found.push("Cargo.lock has other versions of the kernel program's crates".to_owned());
        }
        if self.flags != now.flags {
            found.push("the compiler's flags have changed".to_owned());
        }
        found
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes every Rust file and Cargo.toml below `folder` (a path below the root).
fn collect(folder: &str, into: &mut BTreeMap<String, String>) -> Result<()> {
    let absolute = workspace::root().join(folder);
    let entries = std::fs::read_dir(&absolute)
        .with_context(|| format!("cannot list {}", absolute.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.file_type()?.is_dir() {
            collect(&path, into)?;
        } else if name.ends_with(".rs") || name == "Cargo.toml" {
            let bytes = std::fs::read(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            into.insert(path, sha256(&bytes));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(sources: &[(&str, &str)], lock: &str) -> Inputs {
        let owned = |(path, hash): &(&str, &str)| ((*path).to_owned(), (*hash).to_owned());
        Inputs {
            sources: sources.iter().map(owned).collect(),
            lock_sha256: lock.to_owned(),
            flags: Vec::new(),
        }
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let old = inputs(&[("same", "1"), ("changed", "1"), ("gone", "1")], "a");
        let now = inputs(&[("same", "1"), ("changed", "2"), ("new", "1")], "b");
        assert_eq!(
            old.differences(&now),
            [
                "changed has changed",
                "new is new",
                "gone is gone",
                "Cargo.lock has other versions of the kernel program's crates",
            ]
        );
        assert_eq!(old.differences(&old), Vec::<String>::new());
    }

    #[test]
    fn the_tree_has_the_kernel_program() {
        let tree = Inputs::of_tree().unwrap();
        assert!(tree.sources.contains_key("ja4sentinel-ebpf/src/main.rs"));
        assert!(tree.sources.contains_key("ja4sentinel-common/Cargo.toml"));
    }
}
