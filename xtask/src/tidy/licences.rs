//! Every dependency may be used under a licence that asks for no more than a notice.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use super::Finding;
use crate::{process, workspace};

/// SPDX names of the licences that we take.
const ALLOWED: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The platforms that something of ours is built for.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "bpfel-unknown-none"];

/// Checks each package that is built for one of our platforms.
pub(crate) fn check() -> Result<Vec<Finding>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
        resolve: Resolve,
    }
    #[derive(Deserialize)]
    struct Package {
        id: String,
        name: String,
        version: String,
        license: Option<String>,
    }
    #[derive(Deserialize)]
    struct Resolve {
        nodes: Vec<Node>,
    }
    #[derive(Deserialize)]
    struct Node {
        id: String,
    }

    let mut licences = BTreeMap::new();
    for target in TARGETS {
        let mut cargo = workspace::cargo();
        cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target]);
        let metadata: Metadata = serde_json::from_str(&process::output(&mut cargo)?)
            .context("`cargo metadata` printed something unexpected")?;
        for package in metadata.packages {
            if metadata.resolve.nodes.iter().any(|node| node.id == package.id) {
                licences.insert(format!("{} {}", package.name, package.version), package.license);
            }
        }
    }
    Ok(licences
        .iter()
        .filter_map(|(package, licence)| objection(package, licence.as_deref()))
        .map(|message| Finding { path: "Cargo.lock".to_owned(), line: 0, message })
        .collect())
}

/// What is wrong with a package's licence, if anything.
fn objection(package: &str, licence: Option<&str>) -> Option<String> {
    let Some(licence) = licence else { return Some(format!("{package} states no licence")) };
    // Older crates separate alternatives by a slash.
    let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
        return Some(format!("{package}: `{licence}` is no SPDX expression"));
    };
    let allowed = expression
        .evaluate(|asked| asked.license.id().is_some_and(|id| ALLOWED.contains(&id.name)));
    (!allowed).then(|| format!("{package} is under {licence}, which we do not take"))
}

#[cfg(test)]
mod tests {
    use super::objection;

    #[test]
    fn alternatives_and_sums_are_understood() {
        for fine in ["MIT", "MIT/Apache-2.0", "GPL-2.0-only OR MIT", "(MIT OR X11) AND Unicode-3.0"]
        {
            assert_eq!(objection("a 1.0.0", Some(fine)), None, "{fine}");
        }
    }

    #[test]
    fn anything_else_is_named() {
        for bad in ["GPL-3.0-only", "MIT AND MPL-2.0", "see LICENCE file"] {
            assert!(objection("a 1.0.0", Some(bad)).unwrap().starts_with("a 1.0.0"), "{bad}");
        }
        assert!(objection("a 1.0.0", None).is_some());
    }
}
