//! The classifier's own cost, as the kernel measures it.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Bench;
use super::figure::{Figure, Mark};
use super::spread::Spread;
use crate::{process, workspace};

const PART: &str = "kernel";
/// Runs of each packet in a round, and new connections: those take a system call each.
const REPEAT: u32 = 1_000_000;
const CONNECTIONS: u32 = 200_000;
const QUICK_REPEAT: u32 = 50_000;
const QUICK_CONNECTIONS: u32 = 2_000;

/// Nanoseconds that a packet may cost.
const MARKS: [(&str, f64); 5] = [
    ("packet to an unwatched port", 25.0),
    ("pure acknowledgement, hello done", 40.0),
    ("bulk data, hello done", 40.0),
    ("SYN, repeated", 250.0),
    ("hello of 600 bytes in one segment, repeated", 600.0),
];

/// A line of the program that measures.
#[derive(Deserialize)]
struct Line {
    kind: String,
    ns: f64,
}

/// The program, an example of the tests, which know how to load the classifier.
const PROGRAM: &str = "kernel_cost";

/// Builds it. How it is compiled matters little, as the kernel does the measuring.
pub(super) fn build() -> Result<()> {
    let package = ["build", "--package", "ja4sentinel-tests", "--example", PROGRAM];
    process::run(workspace::cargo().args(package).args(["--features", "privileged"]))
}

/// Runs it.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    bench.say("kernel");
    let (repeat, connections) =
        if bench.quick { (QUICK_REPEAT, QUICK_CONNECTIONS) } else { (REPEAT, CONNECTIONS) };
    let program = workspace::target().join("debug/examples").join(PROGRAM);
    let mut command = Command::new(program);
    command.args([bench.rounds.to_string(), repeat.to_string(), connections.to_string()]);
    let said = process::output(&mut command)?;
    let mut order: Vec<String> = Vec::new();
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in said.lines() {
        let Line { kind, ns } = serde_json::from_str(line).context("an odd line")?;
        if !order.contains(&kind) {
            order.push(kind.clone());
        }
        all.entry(kind).or_default().push(ns);
    }
    if let Some((missing, _)) = MARKS.iter().find(|(kind, _)| !all.contains_key(*kind)) {
        bail!("`{missing}` was not measured");
    }
    let figure = |kind: &String| {
        let mark = MARKS.iter().find(|(of, _)| of == kind).map(|(_, most)| Mark::AtMost(*most));
        let spread = Spread::of(all.get(kind)?.iter().copied())?;
        let figure = Figure::new(PART, format!("kernel: {kind}"), "classifier", "ns", spread);
        Some(figure.with_mark(mark.filter(|_| !bench.quick)))
    };
    Ok(order.iter().filter_map(figure).collect())
}
