//! The service as the Debian package installs it, under systemd, in a virtual machine with the oldest
//! kernel and the oldest Debian that it is for: nothing else proves that the unit's restrictions let
//! the agent do its work.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Result, ensure};

use super::root::Root;
use crate::dist::release::Release;
use crate::setup::OLDEST;
use crate::vm;

/// What the machine does.
const SCRIPT: &str = include_str!("service.sh");
/// What runs it there.
const UNIT: &str = "\
[Service]
Type=oneshot
ExecStart=/bin/sh /check
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
";
/// Folders that the machine's memory need not hold.
const BULK: [&str; 5] =
    ["usr/share/doc", "usr/share/locale", "usr/share/zoneinfo", "var/cache/apt", "var/lib/apt"];

/// Installs the package and boots.
pub(super) fn check(package: &Path, release: &Release) -> Result<()> {
    let root = Root::copy_of(&OLDEST.path(), &release.work.join("service-root"))?;
    root.copy_in(package, "tmp/this.deb")?;
    root.run(&["dpkg", "--install", "/tmp/this.deb"])?;
    for folder in BULK {
        std::fs::remove_dir_all(root.path().join(folder))?;
    }
    let units = root.path().join("etc/systemd/system");
    std::fs::write(root.path().join("check"), SCRIPT)?;
    std::fs::write(units.join("check.service"), UNIT)?;
    symlink("../check.service", units.join("multi-user.target.wants/check.service"))?;
    symlink("/lib/systemd/system/multi-user.target", units.join("default.target"))?;
    symlink("/lib/systemd/systemd", root.path().join("init"))?;

    let (kernel, outcome) = vm::boot_system(root.path())?;
    ensure!(outcome.passed(), "on {kernel}, the console ended with\n{}", outcome.tail());
    println!(
        "check: the service starts, reloads, rotates, recovers and stops under systemd on {kernel}, \
         in {:.0} s",
        outcome.took.as_secs_f32()
    );
    Ok(())
}
