//! Memory of the agent, idle and at work.

use anyhow::{Context, Result, ensure};

use super::sniffer::{Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::{self, Kind as Corpus};
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::Judge;
use crate::bench::spread::Spread;

const PART: &str = "memory";
/// New connections a second.
const CONNECTIONS: f64 = 10_000.0;
const IDLE_MIB: f64 = 12.0;
const BUSY_MIB: f64 = 32.0;
const MIB: f64 = 1_048_576.0;

/// Measures both.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let files = corpora::get(Corpus::Hello, bench.quick)?;
    let judge = Judge::load(&files.truth)?;
    let packets_of_connection = corpora::packets(&files.pcap)? / judge.connections();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some 100,000")]
    let rate = (CONNECTIONS * packets_of_connection) as u32;
    let (mut idle, mut busy, mut score) = (Vec::new(), Vec::new(), None);
    for round in 1..=bench.rounds.min(3) {
        bench.say(&format!("memory, round {round}"));
        let stage = Stage::new(Frames::Gso, false)?;
        let sniffer = Sniffer::start(bench, &stage, Kind::Agent)?;
        std::thread::sleep(std::time::Duration::from_secs(1));
        #[expect(clippy::cast_precision_loss, reason = "a size, shown with three digits")]
        let mib = |bytes: u64| bytes as f64 / MIB;
        idle.push(mib(sniffer.memory().0));
        stage.replay(&files.pcap, Some(rate))?;
        sniffer.settle()?;
        busy.push(mib(sniffer.memory().1));
        let found = judge.judge(sniffer.stop()?.context("the agent said nothing")?);
        ensure!(found.is_perfect(), "the agent's output is wrong: {found:?}");
        score = Some(found);
    }
    let figure = |what: String, values: Vec<f64>, most| {
        let figure = Figure::new(PART, what, Kind::Agent.name(), "MiB", Spread::of(values)?);
        Some(figure.with_mark((!bench.quick).then_some(Mark::AtMost(most))))
    };
    let idle = figure("memory, idle".to_owned(), idle, IDLE_MIB);
    let busy = figure(format!("memory, at most, at {CONNECTIONS} connections/s"), busy, BUSY_MIB)
        .map(|figure| figure.with_score(score));
    Ok([idle, busy].into_iter().flatten().collect())
}
