//! `ja4sentinel stats`: what a running agent has done.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ja4sentinel::agent::control::{Request, ask};
use ja4sentinel::config::Config;
use serde_json::Value;

use super::Exit;
use super::columns::columns;

/// Show the ledger and the counters of a running agent
///
/// Asks it over its control socket, as root or as its user. Every connection and every record is
/// accounted for: what entered a stage has passed it, was left out or lost for a reason, or is still
/// inside.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    socket: Socket,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Which agent is asked.
#[derive(Args)]
pub(super) struct Socket {
    /// Control socket of the agent (control.socket in its configuration)
    #[arg(long, value_name = "PATH", default_value = Config::CONTROL)]
    pub(super) socket: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Tables
    Text,
    /// One JSON document
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  ja4sentinel stats
  ja4sentinel stats --format json | jq '.stages[] | select(.name == \"connections\")'

Exit codes:
  0  done
  1  no agent answers
  2  usage";

/// Asks and prints.
pub(super) fn run(arguments: &Arguments) -> Exit {
    print(ask(&arguments.socket.socket, &Request::Stats).map(|stats| match arguments.format {
        Format::Text => text(&stats),
        Format::Json => format!("{stats:#}\n"),
    }))
}

fn text(stats: &Value) -> String {
    let word = |name: &str| stats[name].as_str().unwrap_or("?").to_owned();
    let state = if stats["ready"] == true { "watching" } else { "watching no interface" };
    let ledger = match stats["balanced"] == true {
        true => "the ledger balances",
        false => "records are on their way, or the ledger does not balance",
    };
    let mut text = format!(
        "ja4sentinel {} ({}), {}, {state}, log level {}; {ledger}\n\n",
        word("version"),
        word("commit"),
        word("backend"),
        word("log_level")
    );
    let stage = ["stage", "taken", "passed", "in_flight", "left_out", "lost"];
    text += &table(&stats["stages"], &stage);
    let output = ["output", "given", "delivered", "queued", "spooled", "retried", "dropped"];
    text += &table(&stats["outputs"], &output);
    text += &table(&stats["interfaces"], &["interface", "frames", "records"]);
    let ring = |key| stats.pointer(key).and_then(Value::as_u64);
    if let (Some(used), Some(size)) = (ring("/ring/used"), ring("/ring/size")) {
        text += &format!("ring buffer: {used} of {size} bytes used\n");
    }
    text
}

/// A table of objects, whose first column is their `name`.
fn table(rows: &Value, keys: &[&str]) -> String {
    let mut lines = vec![keys.iter().map(|key| key.replace('_', " ")).collect()];
    for row in rows.as_array().into_iter().flatten() {
        let cell = |(i, key): (usize, &&str)| cell(&row[if i == 0 { "name" } else { key }]);
        lines.push(keys.iter().enumerate().map(cell).collect::<Vec<_>>());
    }
    columns(&lines) + "\n"
}

/// A number, a name, or counts by reason, of which zeros are left out.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(counts) => {
            let some = counts.iter().filter(|(_, count)| **count != 0);
            let parts: Vec<String> = some.map(|(name, count)| format!("{count} {name}")).collect();
            if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
        }
        other => other.to_string(),
    }
}

/// Prints an answer, or why there is none.
#[expect(clippy::print_stderr, reason = "an answer to who typed the command")]
pub(super) fn print(answer: anyhow::Result<String>) -> Exit {
    match answer {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Failed,
        },
        Err(error) => {
            eprintln!("ja4sentinel: {error:#}");
            Exit::Failed
        }
    }
}
