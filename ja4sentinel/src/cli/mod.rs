//! The command line: what may be typed, and how the program ends.

mod ports;
mod printer;
mod progress;
mod read;
mod summary;
mod text;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed while running.
    Failed = 1,
    /// Usage or configuration; clap exits with the same number.
    #[expect(dead_code, reason = "named for completeness: clap is who exits so")]
    Usage = 2,
    /// A capture file is damaged or cut off.
    Damaged = 3,
    /// A file is no capture.
    NotACapture = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Ends every help text.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  run-time failure
  2  usage or configuration
  3  a capture file is damaged or cut off; the records up to there were printed
  4  a file is no capture at all";

#[derive(Parser)]
#[command(
    name = "ja4sentinel",
    version = version::SHORT,
    long_version = version::LONG,
    about = "Fingerprints the TLS clients of this server: JA4, JA3 and TCP facts as JSON records",
    after_help = EXIT_CODES,
    subcommand_required = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Read(read::Arguments),
}

/// Reads the arguments, does what they say, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Read(arguments) => read::run(&arguments).into(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
