//! Tries the release as its users do: in an empty root, and installed from each package.

mod deb;
mod image;
mod installed;
mod lint;
mod root;
mod rpm;
mod service;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::process::is_root;

use super::release::Release;
use super::{Artefacts, deb as deb_package, rpm as rpm_package};
use crate::workspace;
use root::Root;

/// A capture for a try, below the repository's root, and a table with a line a hello in it.
const CAPTURE: &str = "tests/golden/synthetic/synthetic.pcap";
const HELLOS: &str = "tests/golden/synthetic/expected.tsv";

/// Runs every check; the first that fails ends it.
pub(super) fn run(release: &Release, artefacts: &Artefacts) -> Result<()> {
    ensure!(is_root(), "systems to install into need root: run this as root");
    let next = release.next()?;

    empty_root(release).context("in an empty root")?;
    println!("check: runs in an empty root");
    deb::check(&artefacts.deb, &deb_package::build(&next)?, release).context("the .deb")?;
    println!("check: the .deb installs, runs, is upgraded with its configuration kept, and goes");
    rpm::check(&artefacts.rpm, &rpm_package::build(&next)?, release).context("the .rpm")?;
    println!("check: the .rpm installs, runs, is upgraded with its configuration kept, and goes");
    image::check(&artefacts.image, release).context("the image")?;
    service::check(&artefacts.deb, release).context("the service")?;
    lint::check(artefacts)?;
    Ok(())
}

/// A root that holds the program, its configuration and a capture, nothing else.
fn empty_root(release: &Release) -> Result<()> {
    let root = Root::empty(&release.work.join("root"))?;
    root.copy_in(&release.agent, "ja4sentinel")?;
    root.copy_in(&release.configuration, "ja4sentinel.yml")?;
    root.run(&["/ja4sentinel", "--version"])?;
    root.run(&["/ja4sentinel", "check", "--config", "/ja4sentinel.yml"])?;
    reads_a_capture(&root, "/ja4sentinel")
}

/// Runs the program in `root` over a capture; there must be a record for each hello.
fn reads_a_capture(root: &Root, program: &str) -> Result<()> {
    root.copy_in(&workspace::root().join(CAPTURE), "capture")?;
    let records = root.run(&[program, "read", "/capture"])?.lines().count();
    let expected = hellos(&workspace::root().join(HELLOS))?;
    ensure!(records == expected, "{records} records instead of {expected}");
    Ok(())
}

fn hellos(table: &Path) -> Result<usize> {
    let text = std::fs::read_to_string(table)
        .with_context(|| format!("cannot read {}", table.display()))?;
    Ok(text.lines().skip(1).count())
}
