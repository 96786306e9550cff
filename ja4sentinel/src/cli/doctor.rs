//! `ja4sentinel doctor`: can this host run the agent?

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ja4sentinel::doctor::{self, Report, Status};

use super::{Exit, settings};

/// Say whether this host can run the agent, and what to do if not
///
/// Looks at kernel, capabilities, backends, interfaces, programs of others on them, outputs and the
/// configuration. The eBPF program is loaded and attached nowhere; nothing is changed or written.
/// Run it as the user, and with the capabilities, that the agent will have.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Configuration file; without one, defaults, the environment and flags decide
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: settings::Flags,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A line a check: ok, warning or failed, what was found, and the remedy
    Text,
    /// One JSON document
    Json,
}

const AFTER_HELP: &str = "\
Examples:
  ja4sentinel doctor --config /etc/ja4sentinel/ja4sentinel.yml
  ja4sentinel doctor --interface eth0 --format json | jq .verdict

Exit codes:
  0  the agent can run here; warnings are worth a look
  1  it cannot, or cannot do what the configuration asks for
  2  usage";

/// Looks, and prints what was found.
pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = settings::load(arguments.config.as_ref(), &arguments.flags);
    let report = doctor::examine(config.as_ref().map_err(String::as_str));
    let text = match arguments.format {
        Format::Text => text(&report),
        Format::Json => {
            serde_json::to_string_pretty(&report).map_or_else(|e| e.to_string(), |text| text + "\n")
        }
    };
    let printed = io::stdout().write_all(text.as_bytes());
    match report.verdict {
        Status::Ok | Status::Warning if printed.is_ok() => Exit::Done,
        _ => Exit::Failed,
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    let width = report.checks.iter().map(|check| check.check.chars().count()).max().unwrap_or(0);
    for check in &report.checks {
        let (status, name, found) = (check.status.label(), &check.check, &check.found);
        text += &format!("{status:<7}  {name:<width$}  {found}");
        if let Some(remedy) = &check.remedy {
            text += &format!(" -> {remedy}");
        }
        text.push('\n');
    }
    let count = |status| report.checks.iter().filter(|check| check.status == status).count();
    let (warnings, failures) = (count(Status::Warning), count(Status::Failed));
    text += &match report.verdict {
        Status::Ok => "The agent can run here.\n".to_owned(),
        Status::Warning => format!("The agent can run here; warnings: {warnings}.\n"),
        Status::Failed => {
            format!(
                "The agent cannot run here as asked; failed: {failures}, warnings: {warnings}.\n"
            )
        }
    };
    text
}
