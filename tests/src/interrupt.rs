//! What a Ctrl-C does to a command that has made things outside of its own process.

use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

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

/// Keeps this process alive through the ending signals while a child that gets them too, from the
/// terminal, ends in its own way. Children start with the default dispositions.
pub fn leave_to_child() -> Result<()> {
    for signal in ENDING {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .context("cannot catch signals")?;
    }
    Ok(())
}
