//! Puts the commit into the program: `JA4SENTINEL_COMMIT` where a packager sets it, else what git
//! says, else `unknown`.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=JA4SENTINEL_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let given = std::env::var("JA4SENTINEL_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| {
        // Grows with each commit, checkout and reset.
        if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
            && std::path::Path::new(&log).exists()
        {
            println!("cargo:rerun-if-changed={log}");
        }
        git(&["rev-parse", "--short=12", "HEAD"])
    });
    println!("cargo:rustc-env=JA4SENTINEL_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
