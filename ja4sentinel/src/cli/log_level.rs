//! `ja4sentinel log-level`: how much a running agent says.

use clap::Args;
use clap::builder::PossibleValuesParser;
use ja4sentinel::agent::control::{Request, ask};
use ja4sentinel::config::LogLevel;
use serde_json::Value;

use super::Exit;
use super::stats::{Socket, print};

/// Show or change the log level of a running agent
///
/// It stays until the agent ends, or is told another one, here or by a new core.log_level at a
/// reload.
#[derive(Args)]
pub(super) struct Arguments {
    /// The level from now on; without it, the present one is shown
    #[arg(value_parser = PossibleValuesParser::new(LogLevel::NAMES.map(|(name, _)| name)))]
    level: Option<String>,
    #[command(flatten)]
    socket: Socket,
}

/// Asks and prints.
pub(super) fn run(arguments: &Arguments) -> Exit {
    let request = arguments.level.clone().map_or(Request::LogLevel, Request::SetLogLevel);
    let answer = ask(&arguments.socket.socket, &request);
    print(answer.map(|answer| {
        let level = answer.get("log_level").and_then(Value::as_str);
        format!("{}\n", level.unwrap_or("none"))
    }))
}
