//! What lintian and rpmlint say, where they are to be had.

use std::process::Command;

use anyhow::Result;
use ja4sentinel_tests::process::find_program;

use crate::dist::Artefacts;
use crate::{process, workspace};

/// Runs both; a finding that is no mere hint fails.
pub(super) fn check(artefacts: &Artefacts) -> Result<()> {
    if let Some(lintian) = find_program("lintian") {
        let mut command = Command::new(lintian);
        command.args(["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"]);
        process::run(command.arg(&artefacts.deb))?;
        println!("check: lintian has nothing to say");
    }
    if let Some(rpmlint) = find_program("rpmlint") {
        let mut command = Command::new(rpmlint);
        let accepted = workspace::root().join("deploy/packages/rpm/rpmlint.toml");
        process::output(command.arg("--strict").arg("--config").arg(accepted).arg(&artefacts.rpm))?;
        println!("check: rpmlint has nothing to say");
    }
    Ok(())
}
