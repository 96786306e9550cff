//! The package for the RHEL family and its kin, by rpmbuild.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::contents::{self, Family, Kind};
use super::release::{Release, anew};
use crate::{process, workspace};

/// How the package is made, below the root.
const SPEC: &str = "deploy/packages/rpm/ja4sentinel.spec";

/// Folders that go with the package: its own, and those that no other package may have made.
const FOLDERS: [&str; 8] = [
    "etc/ja4sentinel",
    "usr/share/doc/ja4sentinel",
    "usr/share/fish",
    "usr/share/fish/vendor_completions.d",
    "usr/share/ja4sentinel",
    "usr/share/licenses/ja4sentinel",
    "usr/share/zsh",
    "usr/share/zsh/site-functions",
];

/// Builds it and gives its path.
pub(super) fn build(release: &Release) -> Result<PathBuf> {
    let root = release.work.join("rpm");
    let entries = contents::entries(release, Family::RedHat)?;
    contents::stage(&entries, &root)?;
    let list = release.work.join("rpm.files");
    let mut lines = String::new();
    for folder in FOLDERS {
        writeln!(lines, "%dir /{folder}")?;
    }
    for entry in &entries {
        let marks = match entry.kind {
            Kind::Program | Kind::Data => "",
            Kind::Configuration => "%config(noreplace) ",
            Kind::Documentation => "%doc ",
            Kind::Licence => "%license ",
        };
        writeln!(lines, "{marks}/{}", entry.to)?;
    }
    std::fs::write(&list, lines)?;

    let top = release.work.join("rpmbuild");
    anew(&top)?;
    let mut rpmbuild = Command::new("rpmbuild");
    rpmbuild.args(["-bb", "--quiet", "--target", "x86_64-linux"]);
    let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
    for (name, value) in [
        ("_topdir", top.display().to_string()),
        ("_rpmdir", release.folder.display().to_string()),
        ("release_version", release.version.clone()),
        ("homepage", env!("CARGO_PKG_REPOSITORY").to_owned()),
        ("staged", root.display().to_string()),
        ("file_list", list.display().to_string()),
    ] {
        rpmbuild.args(define(name, &value));
    }
    rpmbuild.env("SOURCE_DATE_EPOCH", &release.time);
    process::output(rpmbuild.arg(workspace::root().join(SPEC)))?;
    std::fs::remove_dir_all(&top)?;
    Ok(release.folder.join(format!("ja4sentinel-{}-1.x86_64.rpm", release.version)))
}
