//! What a server loses: iperf3 to the watched port, both of its ends and the sniffer on one CPU, so
//! that whatever the sniffer or the kernel does for it is missing from the throughput.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::netns::{Lab, SERVER_V4};
use ja4sentinel_tests::process::{Process, wait_until};
use serde_json::Value;

use super::sniffer::{Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::{self, Kind as Corpus};
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::{Judge, Score};
use crate::bench::spread::Spread;

const PART: &str = "server";
const PORT: &str = "443";
/// How long one measurement takes, seconds.
const SECONDS: u32 = 4;
const QUICK_SECONDS: u32 = 1;
/// Frames a second of the hellos that follow each measurement: few, as every sniffer has to see them.
const PROOF_RATE: u32 = 10_000;
/// How long the server may take to listen.
const LISTENING: Duration = Duration::from_secs(10);

/// Whom we measure, the one without a sniffer first.
const ALL: [Kind; 8] = [
    Kind::Nothing,
    Kind::Agent,
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
        figures.extend(one_size(bench, frames, name, least)?);
    }
    Ok(figures)
}

/// One sniffer's rounds.
#[derive(Default)]
struct Rounds {
    /// Gigabits a second.
    throughput: Vec<f64>,
    /// Percent of what the server does unwatched, in the same round.
    kept: Vec<f64>,
    /// Percent of a CPU that the sniffer itself has.
    own: Vec<f64>,
    score: Option<Score>,
}

fn one_size(bench: &Bench, frames: Frames, name: &str, least: f64) -> Result<Vec<Figure>> {
    let stage = Stage::new(frames, true)?;
    let _server = serve(&stage)?;
    let proof = corpora::get(Corpus::Hello, true)?;
    let judge = Judge::load(&proof.truth)?;
    let seconds = if bench.quick { QUICK_SECONDS } else { SECONDS };
    let kinds = Kind::present(if bench.quick { &QUICK } else { &ALL }, &bench.rivals);
    let mut all: HashMap<Kind, Rounds> = HashMap::new();
    for round in 1..=bench.rounds {
        let mut alone = None;
        for &kind in &kinds {
            bench.say(&format!(
                "server, {name}, round {round} of {}: {}",
                bench.rounds,
                kind.name()
            ));
            let sniffer = Sniffer::start(bench, &stage, kind)?;
            let (before, begun) = (sniffer.own_cpu(), Instant::now());
            let reached = load(&stage, seconds)?;
            let own = (sniffer.own_cpu() - before).as_secs_f64() / begun.elapsed().as_secs_f64();
            // That it still sees what it is there for.
            stage.replay(&proof.pcap, Some(PROOF_RATE))?;
            sniffer.settle()?;
            let score = sniffer.stop()?.map(|hellos| judge.judge(hellos));
            if kind == Kind::Agent {
                let score = score.as_ref().context("the agent said nothing")?;
                ensure!(
                    score.is_perfect(),
                    "hellos after the load are wrong or missing: {score:?}"
                );
            }
            let rounds = all.entry(kind).or_default();
            rounds.throughput.push(reached);
            rounds.kept.push(100.0 * reached / *alone.get_or_insert(reached));
            rounds.own.push(100.0 * own);
            rounds.score = score;
        }
    }
    let of = |what: &str, unit, values: fn(&Rounds) -> &Vec<f64>, skip: bool, mark| {
        let figure = |kind: &Kind| {
            let rounds = all.get(kind)?;
            let spread = Spread::of(values(rounds).iter().copied())?;
            let mark = Some(mark).flatten().filter(|_| *kind == Kind::Agent && !bench.quick);
            let what = format!("server, {name}: {what}");
            let figure = Figure::new(PART, what, kind.name(), unit, spread);
            Some(figure.with_mark(mark).with_score(rounds.score.clone()))
        };
        let watching = kinds.iter().filter(|kind| !skip || **kind != Kind::Nothing);
        watching.filter_map(figure).collect::<Vec<_>>()
    };
    let light = (frames == Frames::Gso).then_some(Mark::AtMost(1.0));
    Ok([
        of("throughput kept", "%", |rounds| &rounds.kept, true, Some(Mark::AtLeast(least))),
        of("throughput", "Gbit/s", |rounds| &rounds.throughput, false, None),
        of("the sniffer's own share of the CPU", "%", |rounds| &rounds.own, true, light),
    ]
    .concat())
}

fn serve(stage: &Stage) -> Result<Process> {
    let Lab { server, .. } = &stage.lab;
    let mut command = Command::new("iperf3");
    command.args(["--server", "--port", PORT, "--forceflush"]);
    let process = Process::spawn(&mut stage.command(server, &command))?;
    let listens = wait_until(LISTENING, || process.stdout().contains("listening"));
    ensure!(listens, "iperf3 does not listen: {}", process.stderr());
    Ok(process)
}

/// Sends for so long, and gives gigabits a second as the receiver has them.
fn load(stage: &Stage, seconds: u32) -> Result<f64> {
    let mut command = Command::new("iperf3");
    command.args([
        "--client",
        &SERVER_V4.to_string(),
        "--port",
        PORT,
        "--json",
        "--length",
        "128K",
    ]);
    command.args(["--time", &seconds.to_string()]);
    let said = crate::process::output(&mut stage.command(&stage.lab.client, &command))?;
    let said: Value = serde_json::from_str(&said).context("iperf3 prints no JSON")?;
    let bits = said.pointer("/end/sum_received/bits_per_second").and_then(Value::as_f64);
    Ok(bits.context("iperf3 names no throughput")? / 1e9)
}
