//! `cargo xtask soak`: the agent for a long time under everything at once. Real and hostile traffic,
//! outputs that fail and recover, interfaces that flap, reloads; then a look at what it has left of
//! memory, descriptors and the kernel's objects, and whether each hello is accounted for.

mod clients;
mod configuration;
mod disk;
mod driver;
mod figures;
mod hostile;
mod links;
mod peers;
mod phase;
mod reloads;
mod samples;
mod stage;
mod table;
mod truth;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::interrupt;
use ja4sentinel_tests::process::is_root;

use crate::setup::{self, Purpose};
use crate::{process, workspace};

/// Arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// Build the agent as it is released, which is quicker and smaller
    #[arg(long)]
    release: bool,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// The agent, already built: what this command passes to itself when it becomes root
    #[arg(long, hide = true)]
    agent: Option<PathBuf>,
}

/// Sets up and builds as the present user, then goes on as root.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let agent = match &arguments.agent {
        Some(agent) => agent.clone(),
        None => {
            setup::ensure(Purpose::Demo, arguments.yes)?;
            match arguments.release {
                true => workspace::build_agent_release()?,
                false => workspace::build_agent()?,
            }
        }
    };
    if is_root() {
        let all_well = driver::run(&agent, Duration::from_secs(60) * arguments.minutes)?;
        ensure!(all_well, "the table above says what is wrong");
        return Ok(ExitCode::SUCCESS);
    }
    println!("The rest needs root, for network namespaces and eBPF.");
    let mut command = process::as_root(std::env::current_exe()?)?;
    command.args(["soak", "--minutes", &arguments.minutes.to_string()]).arg("--agent").arg(&agent);
    interrupt::leave_to_children()?;
    let status = command.status().context("cannot start sudo")?;
    Ok(process::exit_code(status))
}
