//! The alert rules, read and tried by Prometheus's own tool. That the agent has what they and the
//! dashboard ask for is a test's matter: tests/tests/metrics_dashboard.rs.

use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// Everything about it, below the root.
const FOLDER: &str = "deploy/monitoring";

/// Checks the rules, and that each fires for what it is for and for nothing else.
pub(super) fn check() -> Result<()> {
    let folder = workspace::root().join(FOLDER);
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        process::output(Command::new("promtool").current_dir(&folder).args(arguments))?;
    }
    println!("alerts.yml: every rule fires for what it is for, and for nothing else");
    Ok(())
}
