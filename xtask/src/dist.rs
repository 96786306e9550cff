//! `cargo xtask dist`: the release as users download it.

mod check;
mod contents;
mod crates;
mod deb;
mod image;
mod notices;
mod release;
mod rpm;
mod sbom;
mod tarball;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::remap::Remap;
use crate::setup::{self, Purpose};
use crate::{process, static_build, workspace};
use release::Release;

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what was packed into throw-away systems, use it there, and remove it
    #[arg(long)]
    check: bool,
    /// Pack this static program instead of building one
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

/// What users download.
struct Artefacts {
    tarball: PathBuf,
    deb: PathBuf,
    rpm: PathBuf,
    image: PathBuf,
}

/// Builds the static program, proves that it needs nothing, and packs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let purpose = if arguments.check { Purpose::DistCheck } else { Purpose::Dist };
    setup::ensure(purpose, arguments.yes)?;
    let agent = match &arguments.agent {
        Some(given) => given.clone(),
        None => static_build::release_agent()?,
    };
    let bytes =
        std::fs::read(&agent).with_context(|| format!("cannot read {}", agent.display()))?;
    Remap::new()?.check(&bytes)?;
    static_build::needs_no_library(&bytes)?;

    let release = Release::new(agent, workspace::target().join("dist"))?;
    let artefacts = Artefacts {
        tarball: tarball::build(&release)?,
        deb: deb::build(&release)?,
        rpm: rpm::build(&release)?,
        image: image::build(&release)?,
    };
    let all = [&artefacts.tarball, &artefacts.deb, &artefacts.rpm, &artefacts.image];
    let sums = checksums(&release.folder, &all)?;
    for artefact in all {
        println!("wrote {} ({} bytes)", artefact.display(), std::fs::metadata(artefact)?.len());
    }
    print!("{sums}");
    if arguments.check {
        check::run(&release, &artefacts)?;
    }
    Ok(())
}

/// Writes SHA256SUMS and gives its text.
fn checksums(folder: &Path, artefacts: &[&PathBuf]) -> Result<String> {
    let mut sum = Command::new("sha256sum");
    let names = artefacts.iter().filter_map(|path| path.file_name());
    let sums = process::output(sum.current_dir(folder).args(names))?;
    ensure!(sums.lines().count() == artefacts.len(), "sha256sum left something out");
    std::fs::write(folder.join("SHA256SUMS"), &sums)?;
    Ok(sums)
}
