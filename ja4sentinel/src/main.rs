//! The `ja4sentinel` program: arguments, configuration, agent, exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
