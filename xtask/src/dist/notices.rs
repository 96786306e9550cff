//! The licences of everything that is linked into the program: most of them ask that their text
//! goes along.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::crates::Linked;

/// What is linked in beside Rust crates.
const LIBRARIES: &str = "\
The Rust standard library: MIT OR Apache-2.0, https://www.rust-lang.org
libpcap: BSD-3-Clause, https://www.tcpdump.org
The GNU C library: LGPL-2.1-or-later, https://www.gnu.org/software/libc. Whoever wants to link the
program with another version of it builds it from its sources by `cargo xtask dist`.
";

/// How files with licences begin, in lower case.
const NAMES: [&str; 5] = ["licen", "copying", "copyright", "notice", "unlicen"];

/// One text for all of them: the crates first, then each licence text once, with who uses it.
pub(crate) fn collect() -> Result<String> {
    let mut listed = String::from(LIBRARIES);
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let crates = Linked::find()?.crates;
    for one in crates.iter().filter(|one| one.source.is_some()) {
        let (name, version) = one.id();
        let name = format!("{name} {version}");
        let licence = one.license.as_deref().unwrap_or("see below");
        let home = one.repository.as_deref().unwrap_or("https://crates.io");
        writeln!(listed, "{name}: {licence}, {home}")?;
        let folder = one.manifest_path.parent().unwrap_or(Path::new("."));
        for file in files(folder)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            texts.entry(text.trim().replace("\r\n", "\n")).or_default().push(name.clone());
        }
    }
    let mut all = format!("ja4sentinel contains, beside its own code:\n\n{listed}");
    for (text, users) in &texts {
        write!(all, "\n{}\n{}:\n\n{text}\n", "-".repeat(80), users.join(", "))?;
    }
    Ok(all)
}

/// The files with licences in a crate's folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.file_type()?.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            found.push(entry.path());
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_crate_of_the_agent_is_named_with_its_text() {
        let all = super::collect().unwrap();
        assert!(all.lines().any(|line| line.starts_with("etherparse ")), "{all}");
        assert!(all.contains("Permission is hereby granted, free of charge"));
        // Built with, but not into the program.
        assert!(!all.lines().any(|line| line.starts_with("syn ")));
        assert!(!all.lines().any(|line| line.starts_with("proptest ")));
    }
}
