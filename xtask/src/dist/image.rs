//! The container image, by buildah. It needs no daemon, and its store is a folder of ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::release::{Release, SBOM, THIRD_PARTY, anew};
use super::tarball;
use crate::{process, workspace};

/// What the image is made by, below the root.
const CONTAINERFILE: &str = "deploy/container/Containerfile";

/// Builds it and gives the path of its archive, which `podman load`, `docker load` and `skopeo copy`
/// read.
pub(super) fn build(release: &Release) -> Result<PathBuf> {
    let context = release.work.join("image");
    anew(&context.join("licences"))?;
    let copy = |from: &Path, to: &str| {
        std::fs::copy(from, context.join(to))
            .map(drop)
            .with_context(|| format!("cannot copy {}", from.display()))
    };
    copy(&release.agent, "ja4sentinel")?;
    copy(&release.configuration, "ja4sentinel.yml")?;
    for name in ["LICENSE-APACHE", "LICENSE-MIT", "NOTICE"] {
        copy(&workspace::root().join(name), &format!("licences/{name}"))?;
    }
    for name in [THIRD_PARTY, SBOM] {
        copy(&release.generated().join(name), &format!("licences/{name}"))?;
    }

    let tag = format!("localhost/ja4sentinel:{}", release.version);
    let mut build = buildah(release);
    build.args(["build", "--quiet", "--isolation", "chroot", "--tag", &tag]);
    // The time makes the same image of the same files.
    build.args(["--format", "oci", "--timestamp", &release.time]);
    for (name, value) in [
        ("title", "ja4sentinel"),
        ("description", "Fingerprints of TLS clients (JA4, JA3) as JSON records"),
        ("version", &release.version),
        ("licenses", "MIT OR Apache-2.0"),
        ("source", env!("CARGO_PKG_REPOSITORY")),
    ] {
        build.args(["--label", &format!("org.opencontainers.image.{name}={value}")]);
    }
    build.arg("--file").arg(workspace::root().join(CONTAINERFILE)).arg(&context);
    process::output(&mut build)?;

    let layout = release.work.join("image-layout");
    anew(&layout)?;
    let target = format!("oci:{}:{}", layout.display(), release.version);
    process::output(buildah(release).args(["push", "--quiet", &tag, &target]))?;
    let archive = release.folder.join(format!("ja4sentinel-{}-x86_64-oci.tar", release.version));
    process::run(
        tarball::tar(release).arg("--file").arg(&archive).arg("-C").arg(&layout).arg("."),
    )?;
    Ok(archive)
}

/// buildah with a store among the release's working files.
pub(super) fn buildah(release: &Release) -> Command {
    let mut command = Command::new("buildah");
    let store = release.work.join("containers");
    command.arg("--root").arg(store.join("root")).arg("--runroot").arg(store.join("run"));
    command.args(["--storage-driver", "vfs"]);
    command
}
