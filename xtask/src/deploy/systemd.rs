//! The service unit: whether systemd takes every line of it, and how exposed the service is.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{process, workspace};

/// The unit, below the root.
const UNIT: &str = "deploy/systemd/ja4sentinel.service";

/// Where it finds the program once it is installed.
const INSTALLED: &str = "/usr/bin/ja4sentinel";

/// The exposure that is still accepted, in tenths: 0 is a service that may do nothing, 100 one that
/// may do everything.
const THRESHOLD: &str = "20";

/// Asks systemd.
pub(super) fn check() -> Result<()> {
    let unit = workspace::target().join("ja4sentinel.service");
    let agent = workspace::build_agent()?;
    std::fs::write(&unit, text()?.replace(INSTALLED, &agent.display().to_string()))?;
    // It says which lines it leaves out of account, and calls that a success.
    let mut verify = Command::new("systemd-analyze");
    let said = verify.args(["verify", "--man=no"]).arg(&unit).output()?;
    let complaints = String::from_utf8_lossy(&said.stderr);
    let fine = said.status.success() && !complaints.contains("ja4sentinel.service");
    ensure!(fine, "systemd says: {complaints}");

    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--no-pager", "--offline=true"]);
    analyze.arg(format!("--threshold={THRESHOLD}")).arg(&unit);
    let said = process::output(analyze.env("SYSTEMD_COLORS", "0"))?;
    println!("{}", said.lines().last().context("systemd-analyze says nothing")?);
    Ok(())
}

/// The capabilities that the unit gives: `CAP_BPF` and so on.
pub(crate) fn capabilities() -> Result<Vec<String>> {
    let text = text()?;
    let line = text.lines().find_map(|line| line.strip_prefix("AmbientCapabilities="));
    let names = line.context("the unit gives no capabilities")?.split_whitespace();
    Ok(names.map(str::to_owned).collect())
}

fn text() -> Result<String> {
    std::fs::read_to_string(workspace::root().join(UNIT)).context(UNIT)
}
