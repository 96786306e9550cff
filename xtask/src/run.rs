//! `cargo xtask run`: the agent from this tree, on this host's interfaces.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{process, workspace};

/// Arguments of `cargo xtask run`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Arguments for `ja4sentinel run`, after `--`: flags of the agent, `--config FILE`
    #[arg(last = true)]
    agent: Vec<OsString>,
}

/// Builds the agent as the present user and runs it as root.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let agent = workspace::build_agent()?;
    let mut command = process::as_root(&agent)?;
    command.arg("run").args(&arguments.agent);
    // A Ctrl-C on the terminal reaches the agent too, which drains and detaches; we wait for it.
    ja4sentinel_tests::interrupt::leave_to_children()?;
    let status = command.status().with_context(|| format!("cannot start {}", agent.display()))?;
    Ok(process::exit_code(status))
}
