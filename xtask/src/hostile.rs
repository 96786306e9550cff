//! `cargo xtask hostile`: a generated corpus of hostile connections, counted case by case against the
//! truth that was written beside it.

mod report;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::corpus::{self, Kind, SEED, Size, Truth, Tuple};
use crate::workspace;
use report::Report;

/// What resident memory may grow to, MiB, by the default limits: 256 for reassembly, 40 for 100,000
/// flows, and room for the file's window.
const MEMORY_MIB: u64 = 320;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Seed of the corpus
    #[arg(long, default_value_t = SEED)]
    seed: u64,
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
    let agent = workspace::build_agent_release()?;
    let files = corpus::make_with(Kind::Hostile, Size::Full, arguments.seed, &corpus::folder())?;
    let mut report = Report::new(Truth::load(&files.truth)?);
    let peak = read(&agent, &files.pcap, |line| report.record(&line.tuple, &line.ja4, &line.ja3))?;
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
