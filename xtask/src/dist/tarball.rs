//! The archive for every other system, and for those who install by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::release::{Release, SBOM, THIRD_PARTY, anew};
use crate::{process, workspace};

/// What lies beside the program, below the root.
const DOCUMENTS: [&str; 5] =
    ["LICENSE-APACHE", "LICENSE-MIT", "NOTICE", "README.md", "CHANGELOG.md"];

/// Folders below `deploy` that go along as they are.
const DEPLOY: [&str; 5] = ["config", "container", "kubernetes", "monitoring", "systemd"];

/// Packs it and gives its path.
pub(super) fn build(release: &Release) -> Result<PathBuf> {
    let name = format!("ja4sentinel-{}-x86_64-linux", release.version);
    let folder = release.work.join(&name);
    anew(&folder)?;
    copy(&release.agent, &folder.join("ja4sentinel"))?;
    for document in DOCUMENTS {
        copy(&workspace::root().join(document), &folder.join(document))?;
    }
    for file in [THIRD_PARTY, SBOM] {
        copy(&release.generated().join(file), &folder.join(file))?;
    }
    for part in ["man", "completions"] {
        copy_folder(&release.generated().join(part), &folder.join(part))?;
    }
    for part in DEPLOY {
        let from = workspace::root().join("deploy").join(part);
        copy_folder(&from, &folder.join("deploy").join(part))?;
    }

    let archive = release.folder.join(format!("{name}.tar.gz"));
    let mut tar = tar(release);
    // Without -n, gzip would write the present time into the archive.
    tar.arg("--use-compress-program=gzip -9 -n").arg("--file").arg(&archive);
    process::run(tar.arg("-C").arg(&release.work).arg(&name))?;
    Ok(archive)
}

/// tar that makes the same archive of the same files: their time is that of the commit, their order
/// is fixed, and nobody owns them.
pub(super) fn tar(release: &Release) -> Command {
    let mut tar = Command::new("tar");
    tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.args(["--mode=u=rwX,go=rX", "--format=ustar"]).arg(format!("--mtime=@{}", release.time));
    tar
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let entries =
        std::fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else {
            copy(&entry.path(), &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}
