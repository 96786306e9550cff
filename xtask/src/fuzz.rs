//! `cargo xtask fuzz`: runs the fuzz targets, each for a while, from the committed seeds.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use ja4sentinel_tests::process::find_program;

use crate::{process, workspace};

/// The version that was tried; cargo-fuzz drives the compiler's unstable flags.
const CARGO_FUZZ: &str = "0.13.2";

#[derive(Args)]
pub(crate) struct Arguments {
    /// Targets; all of them when none is named
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// Runs each target from its seeds and fixtures. What a run finds is named in the error.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let known = targets()?;
    if let Some(name) = arguments.targets.iter().find(|name| !known.contains(name)) {
        bail!("no fuzz target {name}; there are {}", known.join(", "));
    }
    let chosen = if arguments.targets.is_empty() { &known } else { &arguments.targets };
    let path = search_path()?;
    for target in chosen {
        println!("fuzzing {target} for {} s", arguments.seconds);
        let corpus = workspace::root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let mut command = workspace::cargo();
        // The code under test is safe Rust: a sanitizer would halve the speed and see nothing.
        command.args(["fuzz", "run", "--sanitizer", "none", target]).arg(&corpus);
        for kind in ["seeds", "fixtures"] {
            let folder = workspace::root().join("fuzz").join(kind).join(target);
            if folder.is_dir() {
                command.arg(folder);
            }
        }
        command.arg("--").arg(format!("-max_total_time={}", arguments.seconds));
        command.args([
            "-max_len=4096",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ]);
        // libFuzzer's coverage flags are unstable; this spares everybody a nightly compiler.
        command.env("RUSTC_BOOTSTRAP", "1").env("PATH", &path);
        process::run(&mut command).with_context(|| {
            format!(
                "{target} found something: put the file into fuzz/fixtures/{target} and mend it"
            )
        })?;
    }
    Ok(())
}

/// The targets, by their files.
fn targets() -> Result<Vec<String>> {
    let folder = workspace::root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let stem = path.file_stem().context("a target without a name")?;
        names.push(stem.to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// The search path with cargo-fuzz on it, which is built under `target/tools` where it is missing.
fn search_path() -> Result<OsString> {
    let tools = workspace::target().join("tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(places.collect::<Vec<PathBuf>>())?;
    if find_program("cargo-fuzz").is_none() && !tools.join("bin/cargo-fuzz").is_file() {
        println!("building cargo-fuzz {CARGO_FUZZ} into {}: it runs the targets", tools.display());
        let arguments = ["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ, "--root"];
        process::run(workspace::cargo().args(arguments).arg(&tools))?;
    }
    Ok(path)
}
