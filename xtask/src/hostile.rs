//! `cargo xtask hostile DIR`: a generated corpus of hostile connections, counted case by case against
//! the truth that its generator wrote beside it.
//!
//! DIR holds the generator, a Rust package that is run as
//! `hostile CAPTURE.pcap TRUTH.jsonl`; it is not part of this repository.

mod report;
mod truth;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{process, workspace};
use report::Report;
use truth::{Truth, Tuple};

/// What resident memory may grow to, MiB, by the default limits: 256 for reassembly, 40 for 100,000
/// flows, and room for the file's window.
const MEMORY_MIB: u64 = 320;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of the generator's package
    #[arg(default_value = "../shared/perf/gen")]
    generator: PathBuf,
    /// Seed of the corpus
    #[arg(long)]
    seed: Option<u64>,
}

/// What `read` said of one hello.
#[derive(serde::Deserialize)]
struct Line {
    #[serde(flatten)]
    tuple: Tuple,
    ja4: String,
    ja3: String,
}

/// Makes the corpus, reads it with the release build of the agent, and prints the table. An error
/// when anything is wrong, missing or beyond the memory limit.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (capture, truth) = generate(arguments)?;
    let agent = workspace::build_agent_release()?;
    let mut report = Report::new(Truth::load(&truth)?);
    let peak = read(&agent, &capture, |line| report.record(&line.tuple, &line.ja4, &line.ja3))?;
    let faults = report.print();
    println!("peak resident memory: {peak} MiB (limit {MEMORY_MIB} MiB)");
    if faults > 0 {
        bail!("{faults} hellos are wrong, missing or too many");
    }
    if peak > MEMORY_MIB {
        bail!("memory went above its limit");
    }
    Ok(())
}

/// Builds the generator under `target/` and runs it; the corpus is made afresh, it takes seconds.
fn generate(arguments: &Arguments) -> Result<(PathBuf, PathBuf)> {
    let package = workspace::root().join(&arguments.generator);
    let package = package.canonicalize().with_context(|| {
        format!("no generator at {}; name its folder as the argument", package.display())
    })?;
    let place = workspace::target().join("hostile");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let manifest = package.join("Cargo.toml");
    let name = package_name(&manifest)?;
    let build = place.join("build");
    // The generator lives outside of the workspace, maybe in a folder that cannot be written.
    process::run(
        workspace::cargo()
            .current_dir(&place)
            .args(["build", "--quiet", "--release", "--manifest-path"])
            .arg(copy_package(&package, &place.join("generator"))?)
            .env("CARGO_TARGET_DIR", &build),
    )?;
    let (capture, truth) = (place.join("hostile.pcap"), place.join("hostile.jsonl"));
    let mut command = Command::new(build.join("release").join(name));
    command.arg("hostile").arg(&capture).arg(&truth);
    if let Some(seed) = arguments.seed {
        command.args(["1", &seed.to_string()]);
    }
    process::run(&mut command)?;
    Ok((capture, truth))
}

fn package_name(manifest: &Path) -> Result<String> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let parsed: toml::Table =
        text.parse().with_context(|| format!("{} is no TOML", manifest.display()))?;
    let name = parsed.get("package").and_then(|package| package.get("name")?.as_str());
    Ok(name.with_context(|| format!("{} names no package", manifest.display()))?.to_owned())
}

/// Copies a package without its build results, makes it a workspace of its own, and gives the path
/// of its manifest.
fn copy_package(from: &Path, to: &Path) -> Result<PathBuf> {
    let sources = to.join("src");
    fs::create_dir_all(&sources).with_context(|| format!("cannot make {}", sources.display()))?;
    for entry in fs::read_dir(from.join("src"))? {
        let entry = entry?;
        fs::write(sources.join(entry.file_name()), fs::read(entry.path())?)?;
    }
    let mut manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    if !manifest.contains("[workspace]") {
        manifest.push_str("\n[workspace]\n");
    }
    let path = to.join("Cargo.toml");
    fs::write(&path, manifest)?;
    Ok(path)
}

/// Runs `read` over the capture, gives each line to `each`, and returns the peak of resident memory
/// in MiB.
fn read(agent: &Path, capture: &Path, mut each: impl FnMut(Line)) -> Result<u64> {
    let mut child = Command::new(agent)
        .args(["read", "--ports", "any"])
        .arg(capture)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", agent.display()))?;
    let output = child.stdout.take().context("the agent has no standard output")?;
    let mut peak = 0;
    for (number, line) in BufReader::new(output).lines().enumerate() {
        // The kernel keeps the high-water mark; it is gone once the process is.
        if number % 1024 == 0 {
            peak = peak.max(high_water_mib(child.id()));
        }
        each(serde_json::from_str(&line?).with_context(|| format!("line {}", number + 1))?);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`read` ended with {status}");
    }
    Ok(peak)
}

fn high_water_mib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).div_ceil(1024)
}
