//! The part of Cargo.lock that one package is compiled from.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{process, workspace};

/// One line a package that `root` is compiled from: name, version, checksum.
///
/// Cargo.lock does not say which dependencies of our own crates are optional; the kernel program
/// takes none of those, so they are left out with the help of `cargo metadata`.
pub(crate) fn part_of(root: &str) -> Result<String> {
    let path = workspace::root().join("Cargo.lock");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    closure(root, &text, &required()?)
}

/// The dependencies that each package of this workspace always has.
fn required() -> Result<BTreeMap<String, BTreeSet<String>>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        dependencies: Vec<Dependency>,
    }
    #[derive(Deserialize)]
    struct Dependency {
        name: String,
        optional: bool,
        kind: Option<String>,
    }

    let text = process::output(workspace::cargo().args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]))?;
    let metadata: Metadata =
        serde_json::from_str(&text).context("`cargo metadata` printed something unexpected")?;
    let wanted = |found: &Dependency| !found.optional && found.kind.as_deref() != Some("dev");
    let names = |package: Package| {
        let of_it = package.dependencies.into_iter().filter(wanted).map(|found| found.name);
        (package.name, of_it.collect())
    };
    Ok(metadata.packages.into_iter().map(names).collect())
}

fn closure(
    root: &str,
    lock: &str,
    required: &BTreeMap<String, BTreeSet<String>>,
) -> Result<String> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        checksum: Option<String>,
        #[serde(default)]
        dependencies: Vec<String>,
    }

    let lock: Lock = toml::from_str(lock).context("Cargo.lock is not what cargo writes")?;
    // Cargo names a dependency "name", or "name version" where there are several versions.
    let find = |dependency: &str| {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        lock.package
            .iter()
            .find(|found| {
                found.name == name && version.is_none_or(|wanted| found.version == wanted)
            })
            .with_context(|| format!("Cargo.lock has no package {dependency}: run cargo once"))
    };

    let mut seen = BTreeSet::new();
    let mut waiting = vec![find(root)?];
    while let Some(package) = waiting.pop() {
        let checksum = package.checksum.as_deref().unwrap_or("in this repository");
        if !seen.insert(format!("{} {} {checksum}\n", package.name, package.version)) {
            continue;
        }
        for dependency in &package.dependencies {
            let name = dependency.split(' ').next().unwrap_or_default();
            if required.get(&package.name).is_none_or(|always| always.contains(name)) {
                waiting.push(find(dependency)?);
            }
        }
    }
    Ok(seen.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "probe"
version = "1.0.0"
dependencies = ["common", "syn 2.0.0"]

[[package]]
name = "common"
version = "1.0.0"
dependencies = ["aya"]

[[package]]
name = "aya"
version = "0.14.0"
checksum = "cc"

[[package]]
name = "syn"
version = "1.0.0"
checksum = "aa"

[[package]]
name = "syn"
version = "2.0.0"
checksum = "bb"
"#;

    #[test]
    fn optional_crates_and_other_versions_stay_out() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let required = BTreeMap::from([
            ("probe".to_owned(), set(&["common", "syn"])),
            ("common".to_owned(), set(&[])),
        ]);
        assert_eq!(
            closure("probe", LOCK, &required).unwrap(),
            "common 1.0.0 in this repository\nprobe 1.0.0 in this repository\nsyn 2.0.0 bb\n"
        );
    }

    #[test]
    fn the_real_lock_leads_to_aya_ebpf_but_not_to_aya() {
        let part = part_of("ja4sentinel-ebpf").unwrap();
        assert!(part.lines().any(|line| line.starts_with("aya-ebpf ")), "{part}");
        assert!(!part.lines().any(|line| line.starts_with("aya ")), "{part}");
    }
}
