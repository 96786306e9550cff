//! What a Ctrl-C does to a command that has made things outside of its own process.

use std::sync::Once;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::{descendants, signal};

/// Signals by which a user or a supervisor asks a program to end.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Runs `clean_up` and exits with 128 plus the signal's number when the first ending signal
/// arrives. Only the first call in a process counts.
pub fn clean_up_and_exit(clean_up: fn()) -> Result<()> {
    static ONCE: Once = Once::new();
    let mut outcome = Ok(());
    ONCE.call_once(|| outcome = start(clean_up));
    outcome
}

fn start(clean_up: fn()) -> Result<()> {
    let mut signals = Signals::new(ENDING).context("cannot catch signals")?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            clean_up();
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Keeps this process alive while its child ends in its own way: SIGTERM and SIGHUP are passed on
/// to all descendants, SIGINT is not, since the terminal sends it to them as well. Children start
/// with the default dispositions.
pub fn leave_to_children() -> Result<()> {
    let mut signals = Signals::new(ENDING).context("cannot catch signals")?;
    std::thread::spawn(move || {
        for number in signals.forever().filter(|number| *number != SIGINT) {
            descendants(std::process::id()).into_iter().for_each(|child| signal(child, number));
        }
    });
    Ok(())
}
