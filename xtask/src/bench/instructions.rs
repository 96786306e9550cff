//! `cargo xtask bench --instructions`: what the core's hot path costs, counted by callgrind, so that a
//! busy machine counts the same as an idle one. `ja4sentinel/benches/instructions.rs` is what runs.
//!
//! The counts are committed. Whoever makes the path dearer, or much cheaper, renews them in the same
//! change, where reviewers see it.

mod counts;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::corpus::Kind;
use crate::setup::{self, Purpose};
use crate::{process, static_build, workspace};
use counts::{Count, Counts};

/// Where the counts are kept, below the root.
const FILE: &str = "ja4sentinel/benches/instructions.txt";

/// What writes them.
const RENEW: &str = "cargo xtask bench --instructions --renew";

/// The function whose instructions count, with all that it calls. valgrind takes patterns, so that no
/// compiler's way to write names matters.
const FUNCTION: &str = "*counted_by_callgrind*";

/// Counts, prints, and compares; or writes the counts down where they are to be renewed.
pub(super) fn run(renew: bool, yes: bool) -> Result<()> {
    setup::ensure(Purpose::Instructions, yes)?;
    let program = build()?;
    let counts = Kind::ALL.iter().map(|kind| count(&program, kind.name()));
    let now = Counts { tools: tools()?, counts: counts.collect::<Result<_>>()? };
    let file = workspace::root().join(FILE);
    if renew {
        fs::write(&file, now.to_string()).with_context(|| format!("cannot write {FILE}"))?;
        println!("{now}");
        return Ok(());
    }
    let text = fs::read_to_string(&file).with_context(|| format!("no counts: `{RENEW}`"))?;
    let kept: Counts = text.parse().with_context(|| format!("{FILE} is damaged: `{RENEW}`"))?;
    println!("{}", now.beside(&kept));
    let faults = now.faults(&kept);
    if !faults.is_empty() {
        bail!("{}\nif that is meant to be: `{RENEW}`, and commit {FILE}", faults.join("\n"));
    }
    Ok(())
}

/// The program that runs the path, of the core without its shell.
fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--package", "ja4sentinel", "--no-default-features"]);
    cargo.args(["--bench", "instructions", "--no-run"]);
    let built = static_build::executables(&mut cargo)?;
    built.into_iter().next().context("cargo built no benchmark")
}

/// Runs it over one corpus.
fn count(program: &Path, corpus: &str) -> Result<Count> {
    eprintln!("bench: instructions of {corpus}");
    let profile = workspace::target().join(format!("callgrind.{corpus}.out"));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", "--collect-atstart=no"]);
    valgrind.arg(format!("--toggle-collect={FUNCTION}"));
    valgrind.arg(format!("--callgrind-out-file={}", profile.display()));
    let said = process::output(valgrind.arg(program).arg(corpus))?;
    let mut numbers = said.split_whitespace().map(str::parse);
    let (Some(Ok(packets)), Some(Ok(records)), None) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        bail!("the benchmark said `{}`", said.trim());
    };
    let text = fs::read_to_string(&profile)
        .with_context(|| format!("no profile at {}", profile.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let instructions = total.and_then(|total| total.trim().parse().ok()).unwrap_or(0);
    if instructions == 0 {
        bail!("callgrind counted nothing: is there no function `{FUNCTION}`?");
    }
    Ok(Count { corpus: corpus.to_owned(), instructions, packets, records })
}

/// What the counts depend on besides the sources: compiler and valgrind, and the processor, whose
/// own instructions some libraries choose.
fn tools() -> Result<String> {
    let rustc = process::output(Command::new("rustc").arg("--version"))?;
    let valgrind = process::output(Command::new("valgrind").arg("--version"))?;
    Ok(format!("{}, {}", rustc.trim(), valgrind.trim()))
}
