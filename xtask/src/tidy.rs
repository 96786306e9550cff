//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows.

mod leftovers;
mod lengths;
mod licences;
mod purity;
mod ranks;
mod source;
mod unsafety;

use anyhow::{Result, bail};
use source::Source;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path below the repository's root, `/` between its parts.
    pub(crate) path: String,
    /// Counted from 1; 0 concerns the whole file.
    pub(crate) line: usize,
    /// What is wrong, and what to do instead.
    pub(crate) message: String,
}

/// Checks the whole repository, prints each finding, and fails when there is one.
pub(crate) fn run() -> Result<()> {
    let sources = Source::load_all()?;
    let rules = [ranks::check, purity::check, unsafety::check, leftovers::check, lengths::check];
    let mut findings: Vec<Finding> =
        sources.iter().flat_map(|source| rules.iter().flat_map(|rule| rule(source))).collect();
    findings.extend(licences::check()?);
    for finding in &findings {
        eprintln!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    if !findings.is_empty() {
        bail!("{} broken rule(s)", findings.len());
    }
    println!("tidy: {} source files, nothing to say", sources.len());
    Ok(())
}
