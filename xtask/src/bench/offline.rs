//! Capture files, read by each program: time on the processors, set against a bare libpcap loop over
//! the same file, and memory.

use std::collections::HashMap;
use std::fs;

use anyhow::Result;

use super::Bench;
use super::checks::Checks;
use super::contender::{self, AGENT, BARE_LOOP, Contender, TWO_WORKERS};
use super::corpora::{self, Kind};
use super::figure::{Figure, Mark};
use super::score::Score;
use super::spread::Spread;
use crate::stopwatch::{self, Reading, Streams};

const PART: &str = "offline";
/// A program that takes longer than so many seconds is run once: what one run differs from the next
/// matters little there.
const LONG: f64 = 10.0;
const MIB: f64 = 1_048_576.0;

/// What the agent has to reach over one corpus.
struct Goal {
    kind: Kind,
    name: &'static str,
    /// Times the bare loop.
    times: f64,
    memory_mib: Option<f64>,
}

const GOALS: [Goal; 3] = [
    Goal { kind: Kind::Hello, name: "hello corpus", times: 4.0, memory_mib: None },
    Goal { kind: Kind::Bulk, name: "bulk corpus", times: 1.0, memory_mib: None },
    Goal { kind: Kind::Hostile, name: "hostile corpus", times: 5.0, memory_mib: Some(64.0) },
];

/// Measures all corpora.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for goal in &GOALS {
        figures.extend(corpus(bench, goal)?);
    }
    Ok(figures)
}

/// One program's runs over one corpus.
#[derive(Default)]
struct Runs {
    readings: Vec<Reading>,
    /// CPU time against the bare loop's of the same round.
    ratios: Vec<f64>,
    /// The worst of all runs.
    score: Option<Score>,
}

fn corpus(bench: &Bench, goal: &Goal) -> Result<Vec<Figure>> {
    let files = corpora::get(goal.kind, bench.quick)?;
    let folder = bench.folder.join("offline");
    fs::create_dir_all(&folder)?;
    let contenders = contender::readers(&bench.agent, &bench.rivals, &files.pcap, &folder)?;
    let mut checks = Checks::new(&files.truth)?;
    let mut all: HashMap<&str, Runs> = HashMap::new();
    // The file is to be in the page cache for everyone.
    for contender in contenders.iter().filter(|contender| contender.name == BARE_LOOP) {
        time(contender)?;
    }
    for round in 1..=bench.rounds {
        let mut bare = None;
        for contender in &contenders {
            let runs = all.entry(contender.name).or_default();
            let is_long = runs.readings.first().is_some_and(|first| first.wall > LONG);
            if is_long {
                continue;
            }
            bench.say(&format!(
                "{}, round {round} of {}: {}",
                goal.name, bench.rounds, contender.name
            ));
            let reading = time(contender)?;
            let score = checks.check(contender)?;
            // A run counts for what it got wrong, too: the table shows the worst.
            runs.score = Score::worst(runs.score.take().into_iter().chain(score));
            let bare = *bare.get_or_insert(reading.cpu);
            runs.ratios.push(reading.cpu / bare);
            runs.readings.push(reading);
        }
    }
    fs::remove_dir_all(&folder)?;
    let shared = two_workers(bench, goal, &all);
    let figures = contenders.iter().filter_map(|contender| {
        let runs = all.remove(contender.name)?;
        Some(figures(bench, goal, contender.name, &runs))
    });
    Ok(sorted(figures.flatten().flatten().chain(shared).collect()))
}

/// How much sooner two workers are done than one, where there are two CPUs.
fn two_workers(bench: &Bench, goal: &Goal, all: &HashMap<&str, Runs>) -> Option<Figure> {
    let (one, two) = (all.get(AGENT)?, all.get(TWO_WORKERS)?);
    let times = one.readings.iter().zip(&two.readings).map(|(one, two)| one.wall / two.wall);
    let what = format!("{}: speed of two workers against one", goal.name);
    let figure = Figure::new(PART, what, AGENT, "times", Spread::of(times)?);
    let is_held = goal.kind == Kind::Hello && !bench.quick;
    Some(figure.with_mark(is_held.then_some(Mark::AtLeast(1.7))).with_score(two.score.clone()))
}

fn figures(bench: &Bench, goal: &Goal, name: &str, runs: &Runs) -> [Option<Figure>; 3] {
    let figure = |of: &str, unit, values: Vec<f64>, mark: Option<Mark>| {
        let mark = mark.filter(|_| name == AGENT && !bench.quick);
        let figure =
            Figure::new(PART, format!("{}: {of}", goal.name), name, unit, Spread::of(values)?);
        Some(figure.with_mark(mark).with_score(runs.score.clone()))
    };
    let each = |of: fn(&Reading) -> f64| runs.readings.iter().map(of).collect();
    [
        figure(
            "CPU time against the bare loop",
            "times",
            runs.ratios.clone(),
            Some(Mark::AtMost(goal.times)),
        ),
        figure("CPU time", "s", each(|reading| reading.cpu), None),
        figure(
            "peak memory",
            "MiB",
            #[expect(clippy::cast_precision_loss, reason = "a size, shown with three digits")]
            each(|reading| reading.peak as f64 / MIB),
            goal.memory_mib.map(Mark::AtMost),
        ),
    ]
}

/// Figures of the same thing together, in the order in which they first come.
fn sorted(figures: Vec<Figure>) -> Vec<Figure> {
    let mut order: Vec<String> = Vec::new();
    for figure in &figures {
        if !order.contains(&figure.what) {
            order.push(figure.what.clone());
        }
    }
    let mut figures = figures;
    figures.sort_by_key(|figure| order.iter().position(|what| *what == figure.what));
    figures
}

fn time(contender: &Contender) -> Result<Reading> {
    let output = contender.output.as_ref();
    if let Some(output) = output {
        let _ = fs::remove_file(&output.path);
    }
    let streams = Streams {
        stdin: contender.stdin.as_deref(),
        stdout: output.filter(|output| output.is_stdout).map(|output| &*output.path),
        stderr: None,
    };
    stopwatch::time(&contender.command, streams)
}
