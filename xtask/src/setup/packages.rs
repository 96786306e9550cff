//! The package managers that we know.

use std::process::Command;

use anyhow::{Context, Result};
use ja4sentinel_tests::process::find_program;

use crate::process;

/// The name of one package for each manager.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) apt: &'static str,
    pub(super) dnf: &'static str,
    pub(super) apk: &'static str,
    pub(super) pacman: &'static str,
    pub(super) zypper: &'static str,
}

impl Names {
    /// A package that has one name everywhere.
    pub(super) const fn everywhere(name: &'static str) -> Self {
        Self { apt: name, dnf: name, apk: name, pacman: name, zypper: name }
    }
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// Debian, Ubuntu.
    Apt,
    /// Fedora, the RHEL family.
    Dnf,
    /// Alpine.
    Apk,
    /// Arch.
    Pacman,
    /// SUSE.
    Zypper,
}

impl Manager {
    /// The one that this system has.
    pub(super) fn of_this_system() -> Option<Self> {
        let known = [Self::Apt, Self::Dnf, Self::Apk, Self::Pacman, Self::Zypper];
        known.into_iter().find(|manager| find_program(manager.program()).is_some())
    }

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Zypper => "zypper",
        }
    }

    pub(super) fn name_in(self, names: &Names) -> &'static str {
        match self {
            Self::Apt => names.apt,
            Self::Dnf => names.dnf,
            Self::Apk => names.apk,
            Self::Pacman => names.pacman,
            Self::Zypper => names.zypper,
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &["install", "--yes", "--no-install-recommends"],
            Self::Dnf => &["install", "--assumeyes", "--setopt=install_weak_deps=False"],
            Self::Apk => &["add"],
            Self::Pacman => &["--sync", "--needed", "--noconfirm"],
            Self::Zypper => &["--non-interactive", "install", "--no-recommends"],
        }
    }

    /// The command that installs these packages, run as root.
    pub(super) fn install_command(self, packages: &[&str]) -> Result<Command> {
        let mut command = self.command()?;
        command.args(self.arguments()).args(packages);
        Ok(command)
    }

    /// The command that brings the list of packages up to date, where the manager does not do so
    /// by itself.
    pub(super) fn refresh_command(self) -> Result<Option<Command>> {
        let arguments: &[&str] = match self {
            Self::Apt => &["update", "--quiet"],
            Self::Apk => &["update"],
            Self::Pacman => &["--sync", "--refresh"],
            Self::Dnf | Self::Zypper => return Ok(None),
        };
        let mut command = self.command()?;
        command.args(arguments);
        Ok(Some(command))
    }

    /// Installs the packages at once; when that fails, one by one, so that a package that cannot
    /// be had takes no other with it. The error names those that failed.
    pub(crate) fn install(self, packages: &[&str]) -> Result<()> {
        if let Some(mut refresh) = self.refresh_command()? {
            // One archive out of reach is no reason to stop: what counts is whether the packages
            // can be had.
            let _ = process::run(&mut refresh);
        }
        if process::run(&mut self.install_command(packages)?).is_ok() {
            return Ok(());
        }
        let failed: Vec<_> =
            packages.iter().filter(|package| self.install_one(package).is_err()).copied().collect();
        anyhow::ensure!(failed.is_empty(), "cannot install: {}", failed.join(", "));
        Ok(())
    }

    fn install_one(self, package: &str) -> Result<()> {
        let plain = process::run(&mut self.install_command(&[package])?);
        if plain.is_ok() || self != Self::Apt {
            return plain;
        }
        // A package whose relatives came from backports installs from there only.
        let release = format!("{}-backports", codename()?);
        let mut command = self.install_command(&["--target-release", &release, package])?;
        process::run(&mut command)
    }

    /// The manager as root, with nobody to ask.
    fn command(self) -> Result<Command> {
        if self != Self::Apt {
            return process::as_root(self.program());
        }
        // By `env`, since sudo may drop what we set for ourselves.
        let mut command = process::as_root("env")?;
        command.args(["DEBIAN_FRONTEND=noninteractive", self.program()]);
        // Another run, such as that of unattended upgrades, may hold the lock for a while.
        command.args(["-o", "DPkg::Lock::Timeout=300"]);
        Ok(command)
    }
}

/// The release's name in /etc/os-release: `bookworm`.
fn codename() -> Result<String> {
    let release = std::fs::read_to_string("/etc/os-release").context("cannot read os-release")?;
    let line = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(line.context("os-release names no release")?.trim_matches('"').to_owned())
}
