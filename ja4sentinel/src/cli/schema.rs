//! `ja4sentinel schema`: the configuration file as editors see it.

use std::io::Write as _;

use ja4sentinel::config;

use super::Exit;

/// Prints the JSON Schema.
pub(super) fn run() -> Exit {
    match std::io::stdout().write_all(config::schema().as_bytes()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
