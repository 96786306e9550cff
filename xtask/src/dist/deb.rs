//! The package for Debian and its kin, by dpkg-deb.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::contents::{self, Family, Kind};
use super::release::Release;
use crate::{process, workspace};

/// Where its own files lie, below the root.
const SOURCES: &str = "deploy/packages/debian";

/// Builds it and gives its path.
pub(super) fn build(release: &Release) -> Result<PathBuf> {
    let root = release.work.join("deb");
    let entries = contents::entries(release, Family::Debian)?;
    contents::stage(&entries, &root)?;
    let write = |to: &str, text: &str, mode| contents::write(&root, to, text.as_bytes(), mode);

    write("usr/share/doc/ja4sentinel/copyright", &copyright()?, 0o644)?;
    let changelog = contents::compressed(changelog(release)?.as_bytes())?;
    let to = "usr/share/doc/ja4sentinel/changelog.Debian.gz";
    contents::write(&root, to, &changelog, 0o644)?;
    let overrides = source("lintian-overrides")?;
    write("usr/share/lintian/overrides/ja4sentinel", &overrides, 0o644)?;

    let mut sum = Command::new("sh");
    sum.current_dir(&root).args(["-c", "find etc usr -type f | sort | xargs md5sum"]);
    write("DEBIAN/md5sums", &process::output(&mut sum)?, 0o644)?;
    let configuration: String = entries
        .iter()
        .filter(|entry| entry.kind == Kind::Configuration)
        .map(|entry| format!("/{}\n", entry.to))
        .collect();
    write("DEBIAN/conffiles", &configuration, 0o644)?;
    let control = filled(&source("control")?, release).replace("@SIZE@", &kib(&root)?.to_string());
    write("DEBIAN/control", &control, 0o644)?;
    for script in ["postinst", "prerm", "postrm"] {
        write(&format!("DEBIAN/{script}"), &source(script)?, 0o755)?;
    }

    let package = release.folder.join(format!("ja4sentinel_{}-1_amd64.deb", release.version));
    let mut dpkg = Command::new("dpkg-deb");
    // Debian 11 reads xz, but not zstd.
    dpkg.args(["--root-owner-group", "-Zxz", "--build"]).arg(&root).arg(&package);
    process::output(dpkg.env("SOURCE_DATE_EPOCH", &release.time))?;
    Ok(package)
}

fn source(name: &str) -> Result<String> {
    let path = workspace::root().join(SOURCES).join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn filled(text: &str, release: &Release) -> String {
    text.replace("@VERSION@", &release.version).replace("@HOMEPAGE@", env!("CARGO_PKG_REPOSITORY"))
}

/// Debian's form of the licence, with the text of the MIT licence in it.
fn copyright() -> Result<String> {
    let mit = std::fs::read_to_string(workspace::root().join("LICENSE-MIT"))?;
    let (_, terms) = mit.split_once("\n\nPermission").context("LICENSE-MIT has another form")?;
    let terms: String = format!("Permission{terms}")
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    let text = source("copyright")?.replace("@HOMEPAGE@", env!("CARGO_PKG_REPOSITORY"));
    Ok(text.replace("@MIT@\n", &terms))
}

/// One entry, which points to the project's own changelog.
fn changelog(release: &Release) -> Result<String> {
    let mut date = Command::new("date");
    date.env("LC_ALL", "C").args(["-u", "-R", "-d"]).arg(format!("@{}", release.time));
    let date = process::output(&mut date)?;
    let text = filled(&source("changelog")?, release);
    Ok(text.replace("@DATE@", date.trim()))
}

/// The size of everything below `root`.
fn kib(root: &Path) -> Result<u64> {
    let sizes =
        process::output(Command::new("du").args(["-k", "-s", "--apparent-size"]).arg(root))?;
    let size = sizes.split_whitespace().next().context("du prints no size")?;
    size.parse().context("du prints no number")
}
