//! `ja4sentinel check`: is this configuration valid?

use std::path::PathBuf;

use clap::Args;

use super::{Exit, settings};

/// Check a configuration file and tell every mistake in it
///
/// The environment counts, as it does when the service starts. Nothing is opened.
#[derive(Args)]
pub(super) struct Arguments {
    /// Configuration file
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
}

/// Checks it.
#[expect(clippy::print_stderr, clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(arguments: &Arguments) -> Exit {
    match settings::load(Some(&arguments.config), &settings::Flags::default()) {
        Ok(_) => {
            println!("{}: valid", arguments.config.display());
            Exit::Done
        }
        Err(mistakes) => {
            eprintln!("{mistakes}");
            Exit::Usage
        }
    }
}
