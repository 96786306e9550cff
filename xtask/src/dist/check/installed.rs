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

    names_are_found(root)?;

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

/// Checks that a host's name is found, although the host lists a library for that: one that fits
/// the host's C library, and not the program's own.
fn names_are_found(root: &Root) -> Result<()> {
    let write = |to: &str, text: &str| std::fs::write(root.path().join(to), text);
    write("etc/nsswitch.conf", "hosts: myhostname files\n")?;
    write("etc/hosts", "127.0.0.1 names.example\n")?;
    let output = "outputs: [{ type: tcp, params: { address: 'names.example:9' } }]\n";
    write("run/names.yml", output)?;
    // It also says what this machine lacks, and that is no matter here.
    let doctor = "ja4sentinel doctor --config /run/names.yml || [ $? = 1 ]";
    let said = root.run(&["sh", "-c", doctor])?;
    ensure!(said.contains("Connection refused"), "names.example was not found: {said}");
    // The smallest Debian has none.
    std::fs::remove_file(root.path().join("etc/hosts"))?;
    Ok(())
}

/// Checks that the administrator's configuration outlived an upgrade whose default differs.
pub(super) fn configuration_is_kept(root: &Root) -> Result<()> {
    let text = root.read(CONFIGURATION)?;
    ensure!(text.contains(OWN_LINE), "the upgrade lost the administrator's configuration");
    ensure!(!text.contains(NEXT_LINE), "the upgrade mixed its default into the configuration");
    Ok(())
}
