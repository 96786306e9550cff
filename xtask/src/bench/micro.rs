//! The core alone: `ja4sentinel/benches`, which criterion times.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Bench;
use super::figure::{Figure, Mark};
use super::spread::Spread;
use crate::{process, workspace};

const PART: &str = "micro";
/// What a quick run is content with, seconds.
const QUICK: [&str; 4] = ["--warm-up-time", "0.1", "--measurement-time", "0.2"];

/// Group and hello of each benchmark, what it is called here, and the nanoseconds of its mark.
const BENCHMARKS: [(&str, &str, Option<f64>); 5] = [
    ("parse/600", "parse of a hello of 600 bytes", Some(400.0)),
    (
        "fingerprint/600",
        "JA4 in four forms and JA3 of a parsed hello, its extensions in a new order",
        Some(1_000.0),
    ),
    ("fingerprint_known/600", "the same of a hello that was seen before", None),
    (
        "hello_to_line/600",
        "whole hello to a line of JSON, its extensions in a new order",
        Some(2_000.0),
    ),
    (
        "hello_to_line_later/600",
        "the same among 100,000 connections, 250 of them after its SYN",
        None,
    ),
];

/// What criterion keeps of its samples: runs, and nanoseconds for them.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Builds the benchmarks of the core; they are run by [`measure`].
pub(super) fn build() -> Result<()> {
    process::run(cargo("core").arg("--no-run"))
}

/// Runs them.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    bench.say("micro");
    let mut cargo = cargo("core");
    cargo.args([
        "--",
        "--noplot",
        "^(parse|fingerprint|fingerprint_known|hello_to_line|hello_to_line_later)/",
    ]);
    if bench.quick {
        cargo.args(QUICK);
    }
    // Its own report is longer than ours.
    process::output(&mut cargo)?;
    BENCHMARKS.iter().map(|benchmark| figure(bench, *benchmark)).collect()
}

fn figure(bench: &Bench, (folder, what, most): (&str, &str, Option<f64>)) -> Result<Figure> {
    let path = workspace::target().join("criterion").join(folder).join("new/sample.json");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let Samples { iters, times } = serde_json::from_str(&text)?;
    let each = times.iter().zip(&iters).map(|(time, runs)| time / runs);
    let spread = Spread::of(each).with_context(|| format!("no samples of {folder}"))?;
    let figure = Figure::new(PART, format!("core: {what}"), "ja4sentinel", "ns", spread);
    Ok(figure.with_mark(most.filter(|_| !bench.quick).map(Mark::AtMost)))
}

/// A cargo command for one of the benchmarks, of the core without its shell.
pub(super) fn cargo(benchmark: &str) -> Command {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--quiet", "--package", "ja4sentinel", "--no-default-features"]);
    cargo.args(["--bench", benchmark]);
    cargo
}
