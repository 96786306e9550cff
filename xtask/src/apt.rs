//! Packages without installing them: apt with sources, lists and cache of its own, on any system that
//! has apt. What it downloads is checked against the distribution's keys; the host's settings of proxies
//! stay.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::architecture::Architecture;
use crate::process;

/// Debian's archive keys, from the package debian-archive-keyring.
pub(crate) const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// apt may take this long (seconds) for one mirror that does not answer.
const MIRROR_TIMEOUT: &str = "20";

/// What an archive is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Packages for this processor.
    Binary(Architecture),
    /// What they are built from.
    Source,
}

/// apt with a state of its own.
pub(crate) struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// Keeps its state in `folder`, and knows these archives of Debian, each `URL SUITE`, with their
    /// lists as they are now.
    pub(crate) fn new(folder: &Path, kind: Kind, archives: &[&str]) -> Result<Self> {
        if !Path::new(KEYS).exists() {
            bail!("{KEYS} is missing: install the package debian-archive-keyring");
        }
        Self::with_keys(Path::new(KEYS), folder, kind, archives)
    }

    /// The same for archives that these keys sign.
    pub(crate) fn with_keys(
        keys: &Path,
        folder: &Path,
        kind: Kind,
        archives: &[&str],
    ) -> Result<Self> {
        for part in ["state/lists/partial", "cache/archives/partial"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let keys = keys.display();
        let architecture = match kind {
            Kind::Binary(architecture) => architecture,
            Kind::Source => Architecture::HOST,
        };
        let begin = match kind {
            Kind::Binary(_) => format!("deb [arch={}", architecture.debian()),
            Kind::Source => "deb-src [".to_owned(),
        };
        let line = |archive: &&str| format!("{begin} signed-by={keys}] {archive} main\n");
        let sources = folder.join("sources.list");
        std::fs::write(&sources, archives.iter().map(line).collect::<String>())?;
        let folder = folder.display();
        let apt = Self {
            options: vec![
                format!("Dir::Etc::SourceList={}", sources.display()),
                "Dir::Etc::SourceParts=/dev/null".to_owned(),
                format!("Dir::State={folder}/state"),
                "Dir::State::Status=/dev/null".to_owned(),
                format!("Dir::Cache={folder}/cache"),
                format!("APT::Architecture={}", architecture.debian()),
                // apt would give up root for a user who cannot read a home folder.
                "APT::Sandbox::User=".to_owned(),
                "Acquire::Languages=none".to_owned(),
                // An old suite's lists are no longer renewed.
                "Acquire::Check-Valid-Until=false".to_owned(),
                "Acquire::Retries=2".to_owned(),
                format!("Acquire::http::Timeout={MIRROR_TIMEOUT}"),
            ],
        };
        // One archive out of reach is no reason to stop while another has what is asked for.
        if let Err(error) = process::output(apt.command("apt-get").arg("update")) {
            eprintln!("{error:#}");
        }
        Ok(apt)
    }

    /// One of apt's programs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-qq");
        for option in &self.options {
            command.arg("-o").arg(option);
        }
        command
    }
    /// Downloads packages and unpacks them into `to`, by way of a folder that goes again.
    pub(crate) fn unpack(&self, names: &[impl AsRef<OsStr>], by: &Path, to: &Path) -> Result<()> {
        std::fs::create_dir_all(by)?;
        let mut download = self.command("apt-get");
        process::output(download.arg("download").args(names).current_dir(by))?;
        for package in std::fs::read_dir(by)? {
            process::output(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(to))?;
        }
        Ok(std::fs::remove_dir_all(by)?)
    }
}
