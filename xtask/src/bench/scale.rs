//! Whether a hello costs the same however many connections are open: `ja4sentinel/benches/scale.rs`.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::figure::Figure;
use super::spread::Spread;
use super::{Bench, micro};
use crate::process;

const PART: &str = "scale";
/// Connections that are open in a quick run.
const QUICK: [&str; 2] = ["1000", "10000"];

/// A line of the program that measures.
#[derive(Deserialize)]
struct Line {
    open: u32,
    ns_per_hello: Vec<f64>,
}

/// Builds that program.
pub(super) fn build() -> Result<()> {
    process::run(micro::cargo("scale").arg("--no-run"))
}

/// Runs it.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    bench.say("scale");
    let mut cargo = micro::cargo("scale");
    if bench.quick {
        cargo.arg("--").args(QUICK);
    }
    let said = process::output(&mut cargo)?;
    let figure = |line: &str| -> Result<Figure> {
        let Line { open, ns_per_hello } = serde_json::from_str(line).context("an odd line")?;
        let spread = Spread::of(ns_per_hello).context("no rounds")?;
        let what = format!("core: a hello among {open} open connections");
        Ok(Figure::new(PART, what, "ja4sentinel", "ns", spread))
    };
    said.lines().filter(|line| line.starts_with('{')).map(figure).collect()
}
