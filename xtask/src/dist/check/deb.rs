//! The Debian package, installed by dpkg into the oldest Debian that it is for.

use std::path::Path;

use anyhow::{Result, ensure};

use super::installed::{self, CONFIGURATION, OWN_LINE};
use super::root::Root;
use crate::dist::release::Release;
use crate::setup::OLDEST;

/// Installs, uses, upgrades, removes, purges.
pub(super) fn check(package: &Path, next: &Path, release: &Release) -> Result<()> {
    let root = Root::copy_of(&OLDEST.path(), &release.work.join("deb-root"))?;
    let before = root.files()?;
    root.copy_in(package, "tmp/this.deb")?;
    root.copy_in(next, "tmp/next.deb")?;

    root.run(&["dpkg", "--install", "/tmp/this.deb"])?;
    installed::check(&root, &release.version)?;
    let changed = root.run(&["dpkg", "--verify", "ja4sentinel"])?;
    ensure!(changed.is_empty(), "what is installed differs from what was packed: {changed}");

    root.append(CONFIGURATION, OWN_LINE)?;
    // As unattended upgrades do; else dpkg would ask.
    root.run(&["dpkg", "--force-confdef", "--force-confold", "--install", "/tmp/next.deb"])?;
    installed::configuration_is_kept(&root)?;
    ensure!(root.has(&format!("{CONFIGURATION}.dpkg-dist")), "the new default is nowhere");

    root.run(&["dpkg", "--remove", "ja4sentinel"])?;
    ensure!(!root.has("usr/bin/ja4sentinel"), "the program outlived its removal");
    installed::configuration_is_kept(&root)?;
    root.run(&["dpkg", "--purge", "ja4sentinel"])?;
    let left: Vec<_> = root.files()?.difference(&before).cloned().collect();
    let ours = |path: &&String| !EXPECTED.contains(&path.as_str());
    let left: Vec<_> = left.iter().filter(ours).collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// What stays on purpose: the capture and the packages of this check, and the copies that
/// systemd-sysusers makes of the files it changes.
const EXPECTED: [&str; 7] = [
    "/capture",
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    "/tmp/this.deb",
    "/tmp/next.deb",
];
