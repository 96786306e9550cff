//! `ja4sentinel run`: watches this machine.

use std::path::PathBuf;

use clap::Args;
use ja4sentinel::agent;

use super::{Exit, settings};

// No doc comment here: it would become the text of the whole program's help.
#[derive(Args, Default)]
pub(super) struct Arguments {
    /// Configuration file; without one, defaults, the environment and flags decide
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: settings::Flags,
}

pub(super) const AFTER_HELP: &str = "\
Examples:
  ja4sentinel --config /etc/ja4sentinel/ja4sentinel.yml
  ja4sentinel run --interface eth0 --ports 443,8443
  ja4sentinel run --interface 'en*,!enp3s0' --backend pcap | jq .ja4

Exit codes:
  0  done
  1  run-time failure
  2  usage or configuration";

/// Runs the service until its end.
#[expect(clippy::print_stderr, reason = "failures before and after the log has its form")]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match settings::load(arguments.config.as_ref(), &arguments.flags) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return Exit::Usage;
        }
    };
    agent::log::start(config.log_level, config.log_target);
    // Everything but the outputs, which have threads of their own, runs on this thread.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ja4sentinel: no runtime: {error}");
            return Exit::Failed;
        }
    };
    let reload = || settings::load(arguments.config.as_ref(), &arguments.flags);
    let origin = agent::Origin { file: arguments.config.as_deref(), reload: &reload };
    match runtime.block_on(agent::run(config, origin)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            Exit::Failed
        }
    }
}
