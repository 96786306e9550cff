//! What a server loses: iperf3 to the watched port, both of its ends and the sniffer on one CPU, so
//! that whatever the sniffer or the kernel does for it is missing from the throughput.

use std::collections::HashMap;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::iperf::{self, Load};
use super::sniffer::{self, Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::{self, Kind as Corpus};
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::{Judge, Score};
use crate::bench::spread::Spread;

const PART: &str = "server";
/// How long one measurement takes, seconds.
const SECONDS: u32 = 4;
const QUICK_SECONDS: u32 = 1;
/// Frames a second of the hellos that follow each measurement: few, as every sniffer has to see them.
const PROOF_RATE: u32 = 10_000;
/// How often a rival is measured: between it and the agent lie tens of percent.
const RIVALS_ROUNDS: usize = 3;
/// Rounds for each that is asked for: what is looked for is a few percent, less than two rounds differ.
const FINE: usize = 3;

/// Whom we measure, the one without a sniffer first.
const ALL: [Kind; 9] = [
    Kind::Nothing,
    Kind::Agent,
    Kind::Tcx,
    Kind::Hook,
    Kind::Socket,
    Kind::Tcpdump,
    Kind::Huginn,
    Kind::Suricata,
    Kind::Tshark,
];
/// Whom a quick run measures.
const QUICK: [Kind; 4] = [Kind::Nothing, Kind::Agent, Kind::Hook, Kind::Tcpdump];

/// Measures both sizes of frames.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (frames, name, least) in
        [(Frames::Mtu, "1500-byte packets", 97.0), (Frames::Gso, "large segments (GSO)", 98.0)]
    {
        let runs = one_size(bench, frames, name)?;
        figures.extend(show(bench, &runs, frames, name, least));
    }
    Ok(figures)
}

/// One measurement.
struct Run {
    load: Load,
    /// Percent of a CPU that the sniffer itself has.
    own: f64,
    score: Option<Score>,
}

/// Those of each sniffer, round by round.
type Runs = HashMap<Kind, Vec<Run>>;

fn one_size(bench: &Bench, frames: Frames, name: &str) -> Result<Runs> {
    let stage = Stage::new(frames, true)?;
    let _server = iperf::serve(&stage)?;
    let mut kinds = Kind::present(if bench.quick { &QUICK } else { &ALL }, &bench.rivals);
    if kinds.contains(&Kind::Tcx) && sniffer::bare(&stage).is_err() {
        bench.say("this kernel has no TCX, so nothing is attached with it");
        kinds.retain(|kind| *kind != Kind::Tcx);
    }
    let mut all = Runs::new();
    let rounds = if bench.quick { bench.rounds } else { FINE * bench.rounds };
    for round in 1..=rounds {
        let takes_part = |kind: &Kind| !kind.is_rival() || round <= RIVALS_ROUNDS;
        let mut kinds: Vec<Kind> = kinds.iter().copied().filter(takes_part).collect();
        // What drifts meanwhile shall hit the last as often as the first.
        if round % 2 == 0 {
            kinds.reverse();
        }
        for kind in kinds {
            let who = kind.name();
            bench.say(&format!("server, {name}, round {round} of {rounds}: {who}"));
            all.entry(kind).or_default().push(once(bench, &stage, kind)?);
        }
    }
    Ok(all)
}

fn once(bench: &Bench, stage: &Stage, kind: Kind) -> Result<Run> {
    let sniffer = Sniffer::start(bench, stage, kind)?;
    let (before, begun) = (sniffer.own_cpu(), Instant::now());
    let load = iperf::load(stage, if bench.quick { QUICK_SECONDS } else { SECONDS })?;
    let own = (sniffer.own_cpu() - before).as_secs_f64();
    let share = 100.0 * own / begun.elapsed().as_secs_f64();
    let score = prove(stage, sniffer)?;
    if kind == Kind::Agent {
        let score = score.as_ref().context("the agent said nothing")?;
        ensure!(score.is_perfect(), "hellos after the load are wrong or missing: {score:?}");
    }
    Ok(Run { load: load.with(own), own: share, score })
}

/// That it still sees what it is there for; `None` when it reports no hellos.
fn prove(stage: &Stage, sniffer: Sniffer<'_>) -> Result<Option<Score>> {
    if sniffer.reports() {
        let proof = corpora::get(Corpus::Hello, true)?;
        stage.replay(&proof.pcap, Some(PROOF_RATE))?;
        sniffer.settle()?;
        let judge = Judge::load(&proof.truth)?;
        return Ok(sniffer.stop()?.map(|hellos| judge.judge(hellos)));
    }
    sniffer.stop()?;
    Ok(None)
}

/// What is told of a run.
type Value<'a> = &'a dyn Fn(&Run) -> Option<f64>;

fn show(bench: &Bench, all: &Runs, frames: Frames, name: &str, least: f64) -> Vec<Figure> {
    let alone = all.get(&Kind::Nothing).map_or(&[][..], Vec::as_slice);
    let alone = Spread::of(alone.iter().map(|run| run.load.throughput));
    let of = |what: &str, unit, value: Value<'_>, first: usize, mark: Option<Mark>| {
        let figure = |kind: &Kind| {
            let runs = all.get(kind)?;
            let values = runs.iter().filter_map(value);
            let what = format!("server, {name}: {what}");
            let figure = Figure::new(PART, what, kind.name(), unit, Spread::of(values)?);
            let is_held = *kind == Kind::Agent && !bench.quick;
            let scores = runs.iter().filter_map(|run| run.score.clone());
            Some(figure.with_mark(mark.filter(|_| is_held)).with_score(Score::worst(scores)))
        };
        ALL.iter().skip(first).filter_map(figure).collect::<Vec<_>>()
    };
    // Against the median of the rounds without a sniffer: one round of these differs from the next as
    // much as any other, and would lend its luck to all that are measured against it.
    let kept = |run: &Run| Some(100.0 * run.load.throughput / alone.as_ref()?.median);
    let light = (frames == Frames::Gso).then_some(Mark::AtMost(1.0));
    [
        of("throughput against unwatched", "%", &kept, 1, Some(Mark::AtLeast(least))),
        of("throughput", "Gbit/s", &|run| Some(run.load.throughput), 0, None),
        of("CPU time of all", "ms/Gbit", &|run| Some(run.load.cost), 0, None),
        of("the sniffer's own share of the CPU", "%", &|run| Some(run.own), 1, light),
    ]
    .concat()
}
