//! How long the agent takes from its start until it watches the interface.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::netns::SERVER_INTERFACE;
use ja4sentinel_tests::process::signal;

use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::figure::{Figure, Mark};
use crate::bench::spread::Spread;

const PART: &str = "start";
const MOST_MS: f64 = 150.0;
/// Starts in each round.
const STARTS: usize = 4;

/// Starts it again and again.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    bench.say("start");
    let stage = Stage::new(Frames::Gso, false)?;
    let mut times = Vec::new();
    for _ in 0..STARTS * bench.rounds {
        times.push(start(bench, &stage)?);
    }
    let spread = Spread::of(times).context("no start")?;
    let figure = Figure::new(PART, "from start to attached", "ja4sentinel", "ms", spread);
    Ok(vec![figure.with_mark((!bench.quick).then_some(Mark::AtMost(MOST_MS)))])
}

/// One start, milliseconds. `ip netns exec` is part of it, with one or two.
fn start(bench: &Bench, stage: &Stage) -> Result<f64> {
    let mut agent = Command::new(&bench.agent);
    agent.args(["run", "--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "ebpf"]);
    let mut command = stage.command(&stage.lab.server, &agent);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().context("cannot start the agent")?;
    let errors = BufReader::new(child.stderr.take().context("the agent has no standard error")?);
    let mut said = String::new();
    let mut took = None;
    for line in errors.lines() {
        let line = line?;
        if took.is_none() && line.contains("\"ready\"") {
            took = Some(begun.elapsed());
            signal(child.id(), libc::SIGTERM);
        }
        said += &line;
        said.push('\n');
    }
    let status = child.wait()?;
    ensure!(status.success(), "the agent ended with {status}: {said}");
    Ok(took.with_context(|| format!("the agent was never ready: {said}"))?.as_secs_f64() * 1e3)
}
