//! The command line: what may be typed, and how the program ends.

mod check;
mod columns;
mod doctor;
mod generate;
mod log_level;
mod ports;
mod printer;
mod progress;
mod read;
mod run;
mod schema;
mod settings;
mod share;
mod shared_file;
mod stats;
mod summary;
mod text;
mod version;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed while running.
    Failed = 1,
    /// Usage or configuration; clap ends the program with the same number.
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

const AFTER_HELP: &str = "\
Examples:
  ja4sentinel --config /etc/ja4sentinel/ja4sentinel.yml
  ja4sentinel run --interface eth0 --ports 443,8443
  ja4sentinel read --format text capture.pcapng

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
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Arguments,
}

#[derive(Subcommand)]
enum Command {
    /// Watch the interfaces of this machine (the default)
    ///
    /// Wants root, or the capabilities CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and, on older kernels,
    /// CAP_PERFMON (libpcap wants CAP_NET_RAW only). Ends at SIGINT and SIGTERM, after it has written
    /// out what it has. SIGUSR1 opens output files again, after logrotate has moved them; SIGHUP
    /// does, and takes over the configuration file as it is then.
    #[command(after_help = run::AFTER_HELP)]
    Run(run::Arguments),
    Read(read::Arguments),
    Check(check::Arguments),
    Doctor(doctor::Arguments),
    Stats(stats::Arguments),
    LogLevel(log_level::Arguments),
    #[command(hide = true)]
    Generate(generate::Arguments),
    /// Print the JSON Schema of the configuration file, for editors
    Schema,
}

/// Reads the arguments, does what they say, and gives the exit code.
pub(crate) fn main() -> ExitCode {
    ja4sentinel::agent::look_up_without_libraries();
    let cli = Cli::parse();
    match cli.command {
        None => run::run(&cli.run),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Read(arguments)) => read::run(&arguments),
        Some(Command::Check(arguments)) => check::run(&arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments),
        Some(Command::Stats(arguments)) => stats::run(&arguments),
        Some(Command::LogLevel(arguments)) => log_level::run(&arguments),
        Some(Command::Generate(arguments)) => generate::run(&arguments, Cli::command()),
        Some(Command::Schema) => schema::run(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
