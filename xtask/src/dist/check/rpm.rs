//! The rpm package, installed by rpm into a root of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use super::installed::{self, CONFIGURATION, OWN_LINE};
use super::root::Root;
use crate::dist::release::Release;
use crate::setup::OLDEST;

/// Installs, uses, upgrades, removes.
///
/// No mirror of the RHEL family is asked: the root is Debian's, with an empty rpm database, so what
/// the package requires of others cannot be resolved in it.
pub(super) fn check(package: &Path, next: &Path, release: &Release) -> Result<()> {
    let root = Root::copy_of(&OLDEST.path(), &release.work.join("rpm-root"))?;
    let rpm = |arguments: &[&str], package: Option<&Path>| {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(root.path()).args(["--dbpath", "/var/lib/rpm"]).args(arguments);
        root.run_outside(command.args(package))
    };
    rpm(&["--initdb"], None)?;
    let before = root.files()?;

    rpm(&["--install", "--nodeps"], Some(package))?;
    installed::check(&root, &release.version)?;
    rpm(&["--verify", "--nodeps", "ja4sentinel"], None)?;

    root.append(CONFIGURATION, OWN_LINE)?;
    rpm(&["--upgrade", "--nodeps"], Some(next))?;
    installed::configuration_is_kept(&root)?;
    ensure!(root.has(&format!("{CONFIGURATION}.rpmnew")), "the new default is nowhere");

    rpm(&["--erase", "ja4sentinel"], None)?;
    ensure!(!root.has("usr/bin/ja4sentinel"), "the program outlived its removal");
    ensure!(root.has(&format!("{CONFIGURATION}.rpmsave")), "the configuration did not outlive it");
    let left: Vec<_> = root.files()?.difference(&before).cloned().collect();
    let ours = |path: &&String| !EXPECTED.contains(&path.as_str());
    let left: Vec<_> = left.iter().filter(ours).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// What stays on purpose: the capture of this check, the administrator's file, the copies that
/// systemd-sysusers makes of the files it changes, and a folder that the RHEL family always has.
const EXPECTED: [&str; 9] = [
    "/capture",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/ja4sentinel",
    "/etc/ja4sentinel/ja4sentinel.yml.rpmnew",
    "/etc/ja4sentinel/ja4sentinel.yml.rpmsave",
    "/etc/passwd-",
    "/etc/shadow-",
    "/usr/share/licenses",
];
