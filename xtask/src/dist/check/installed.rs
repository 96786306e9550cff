//! What holds wherever the package is installed, whichever package manager did it.

use anyhow::{Context, Result, ensure};

use super::{reads_a_capture, root::Root};

/// The file that is the administrator's.
pub(super) const CONFIGURATION: &str = "etc/ja4sentinel/ja4sentinel.yml";
/// What the administrator wrote into it.
pub(super) const OWN_LINE: &str = "# The administrator was here.";
/// What only the next version's default has.
pub(super) const NEXT_LINE: &str = "# The next version's default.";

/// Checks a fresh installation.
pub(super) fn check(root: &Root, version: &str) -> Result<()> {
    let said = root.run(&["ja4sentinel", "--version"])?;
    let first = said.lines().next().unwrap_or_default();
    ensure!(first == format!("ja4sentinel {version}"), "it says it is {first}");
    reads_a_capture(root, "ja4sentinel")?;
    root.run(&["ja4sentinel", "check", "--config", &format!("/{CONFIGURATION}")])?;

    root.run(&["getent", "passwd", "ja4sentinel"]).context("the user is missing")?;
    let verify = "systemd-analyze verify --man=no ja4sentinel.service 2>&1";
    let complaints = root.run(&["sh", "-c", verify])?;
    // Whatever it says beside about this machine is no matter of ours.
    ensure!(!complaints.contains("ja4sentinel.service"), "systemd says: {complaints}");
    root.run(&["systemctl", "enable", "ja4sentinel.service"])?;
    root.run(&["logrotate", "--debug", "/etc/logrotate.d/ja4sentinel"])?;
    root.run(&["bash", "-n", "/usr/share/bash-completion/completions/ja4sentinel"])?;
    Ok(())
}

/// Checks that the administrator's configuration outlived an upgrade whose default differs.
pub(super) fn configuration_is_kept(root: &Root) -> Result<()> {
    let text = root.read(CONFIGURATION)?;
    ensure!(text.contains(OWN_LINE), "the upgrade lost the administrator's configuration");
    ensure!(!text.contains(NEXT_LINE), "the upgrade mixed its default into the configuration");
    Ok(())
}
