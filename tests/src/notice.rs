//! Facts that whoever runs the tests must see although the tests pass.

use std::fs::OpenOptions;
use std::io::Write;

/// Environment variable that names a file to which [`notice`] appends; `cargo xtask test` prints
/// its lines again beside the counts.
pub const NOTICES_FILE: &str = "JA4SENTINEL_NOTICES";

/// Says on standard error, past the test runner's capture, what a test could not cover and why.
///
/// For optional oracles only: whatever a test is about, it fails when it cannot run.
pub fn notice(text: &str) {
    let _ = writeln!(std::io::stderr(), "NOTICE: {text}");
    if let Some(file) = std::env::var_os(NOTICES_FILE)
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file)
    {
        let _ = writeln!(file, "{text}");
    }
}

/// Whether continuous integration runs us (`CI` is set), where every oracle must be had.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}
