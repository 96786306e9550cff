//! What every archive and package of one release is made from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{notices, sbom};
use crate::{process, workspace};

/// The licences of everything that is linked in.
pub(super) const THIRD_PARTY: &str = "THIRD-PARTY.txt";
/// The list of everything that is linked in, in CycloneDX's JSON.
pub(super) const SBOM: &str = "ja4sentinel.cdx.json";

/// One release: the program, and what is made of it and of this tree.
#[derive(Clone)]
pub(super) struct Release {
    /// The static program.
    pub(super) agent: PathBuf,
    pub(super) version: String,
    /// The default configuration.
    pub(super) configuration: PathBuf,
    /// The time of the commit in seconds since the UNIX epoch: the time of every packed file.
    pub(super) time: String,
    /// Where archives and packages go.
    pub(super) folder: PathBuf,
    /// Where everything lies that they are made of.
    pub(super) work: PathBuf,
}

impl Release {
    /// Makes [`THIRD_PARTY`], [`SBOM`], the man pages and the completions. Whatever was in the folder
    /// goes.
    pub(super) fn new(agent: PathBuf, folder: PathBuf) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(workspace::root()).args(["log", "-1", "--format=%ct"]);
        let time = process::output(&mut git)?.trim().to_owned();
        let release = Self {
            agent,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration: workspace::root().join("deploy/config/ja4sentinel.yml"),
            time,
            work: folder.join("work"),
            folder,
        };
        anew(&release.folder)?;
        let generated = release.generated();
        anew(&generated)?;
        process::run(Command::new(&release.agent).arg("generate").arg(&generated))?;
        std::fs::write(generated.join(THIRD_PARTY), notices::collect()?)?;
        std::fs::write(generated.join(SBOM), sbom::write(&release)?)?;
        Ok(release)
    }

    /// The same one version later, with a changed default configuration: to try upgrades.
    pub(super) fn next(&self) -> Result<Self> {
        let folder = self.work.join("next");
        anew(&folder)?;
        let configuration = folder.join("ja4sentinel.yml");
        let text = std::fs::read_to_string(&self.configuration)?;
        std::fs::write(&configuration, text + "# The next version's default.\n")?;
        let version = format!("{}.1", self.version);
        Ok(Self { version, configuration, folder, ..self.clone() })
    }

    /// The folder of what is generated.
    pub(super) fn generated(&self) -> PathBuf {
        self.work.join("generated")
    }

    /// What the folder `name` of the generated files holds, sorted.
    pub(super) fn generated_in(&self, name: &str) -> Result<Vec<PathBuf>> {
        let folder = self.generated().join(name);
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort_unstable();
        Ok(paths)
    }
}

/// An empty folder of this name, whatever was there.
pub(super) fn anew(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}
