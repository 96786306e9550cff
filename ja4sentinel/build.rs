//! Puts into the program what `--version` says: the commit (`JA4SENTINEL_COMMIT` where a packager
//! sets it, else what git says, else `unknown`), and the hash of the eBPF object that is embedded.

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

    println!("cargo:rerun-if-changed={MANIFEST}");
    let manifest = std::fs::read_to_string(MANIFEST).unwrap_or_default();
    let hash = manifest.split_once("\"object_sha256\": \"").map_or("", |(_, rest)| rest);
    let hash = hash.split('"').next().filter(|hash| !hash.is_empty()).unwrap_or("none");
    println!("cargo:rustc-env=JA4SENTINEL_EBPF_OBJECT={hash}");
}

/// Written by `cargo xtask ebpf build`, which also writes the object.
const MANIFEST: &str = "ebpf/manifest.json";

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
