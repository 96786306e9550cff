//! Connections by the thousand over a veth, at rising rates: who still finds each hello, and at what
//! cost a packet.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::bpf_cost;

use super::sniffer::{Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::{self, Kind as Corpus};
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::{Judge, Score};
use crate::bench::spread::Spread;

const PART: &str = "live";
/// Packets a second that are asked for; `None` is as many as the sender can.
const RATES: [Option<u32>; 4] = [Some(100_000), Some(200_000), Some(300_000), None];
const QUICK_RATES: [Option<u32>; 2] = [Some(20_000), None];
/// Whom we measure. tcpdump looks at packets and prints no hello.
const ALL: [Kind; 5] = [Kind::Agent, Kind::Tcpdump, Kind::Huginn, Kind::Suricata, Kind::Tshark];
const QUICK: [Kind; 2] = [Kind::Agent, Kind::Tcpdump];
/// What the agent and the classifier may cost a packet, microseconds.
const MOST: f64 = 0.5;
/// From here on the agent is measured in every round. At lower rates, and for a rival, one has to do:
/// what is lost differs more between rates than between runs.
const FAST: u32 = 300_000;
const MIB: f64 = 1_048_576.0;

/// One replay.
struct Run {
    kind: Kind,
    rate: Option<u32>,
    /// Packets a second that were sent.
    sent: f64,
    /// Microseconds a packet.
    cost: f64,
    /// The most memory, MiB.
    memory: f64,
    score: Option<Score>,
}

/// Measures all rates.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    // As long as it is open, the kernel measures the classifier too.
    let _statistics = bpf_cost::statistics().context("cannot switch BPF's statistics on")?;
    let files = corpora::get(Corpus::Hello, bench.quick)?;
    let judge = Judge::load(&files.truth)?;
    let packets = corpora::packets(&files.pcap)?;
    let (rates, kinds) =
        if bench.quick { (&QUICK_RATES[..], &QUICK[..]) } else { (&RATES[..], &ALL[..]) };
    let mut runs = Vec::new();
    for round in 1..=bench.rounds {
        for &kind in &Kind::present(kinds, &bench.rivals) {
            for &rate in rates {
                let is_fast = rate.is_none_or(|rate| rate >= FAST);
                if round > 1 && !(kind == Kind::Agent && is_fast) {
                    continue;
                }
                let asked = name(rate);
                bench.say(&format!(
                    "live, {asked}, round {round} of {}: {}",
                    bench.rounds,
                    kind.name()
                ));
                let stage = Stage::new(Frames::Gso, false)?;
                let sniffer = Sniffer::start(bench, &stage, kind)?;
                let before = sniffer.cpu();
                let sent = stage.replay(&files.pcap, rate)?;
                sniffer.settle()?;
                let cost = (sniffer.cpu() - before).as_secs_f64() * 1e6 / packets;
                #[expect(clippy::cast_precision_loss, reason = "a size, shown with three digits")]
                let memory = sniffer.memory().1 as f64 / MIB;
                let score = sniffer.stop()?.map(|hellos| judge.judge(hellos));
                runs.push(Run { kind, rate, sent, cost, memory, score });
            }
        }
    }
    let wrong = runs
        .iter()
        .filter(|run| run.kind == Kind::Agent)
        .find_map(|run| run.score.as_ref().filter(|score| score.wrong + score.extra > 0));
    ensure!(wrong.is_none(), "the agent's output is wrong: {wrong:?}");
    Ok(figures(bench, &runs, packets / judge.connections()))
}

fn name(rate: Option<u32>) -> String {
    rate.map_or_else(|| "as fast as can be sent".to_owned(), |rate| format!("{rate} packets/s"))
}

fn figures(bench: &Bench, runs: &[Run], packets_of_connection: f64) -> Vec<Figure> {
    let mut kinds: Vec<Kind> = Vec::new();
    for run in runs {
        if !kinds.contains(&run.kind) {
            kinds.push(run.kind);
        }
    }
    let mut figures = Vec::new();
    for kind in &kinds {
        figures.extend(highest(bench, runs, *kind, packets_of_connection));
    }
    let mut rates: BTreeMap<u32, Option<u32>> = BTreeMap::new();
    for run in runs {
        rates.insert(run.rate.unwrap_or(u32::MAX), run.rate);
    }
    for (what, unit, of) in [
        ("CPU time a packet", "us", (|run| run.cost) as fn(&Run) -> f64),
        ("peak memory", "MiB", |run| run.memory),
    ] {
        for rate in rates.values() {
            for kind in &kinds {
                let own: Vec<&Run> =
                    runs.iter().filter(|run| run.kind == *kind && run.rate == *rate).collect();
                let Some(spread) = Spread::of(own.iter().map(|run| of(run))) else { continue };
                let is_held = unit == "us" && *kind == Kind::Agent && !bench.quick;
                let figure = Figure::new(
                    PART,
                    format!("live, {}: {what}", name(*rate)),
                    if *kind == Kind::Agent {
                        "ja4sentinel with its classifier"
                    } else {
                        kind.name()
                    },
                    unit,
                    spread,
                );
                let worst = Score::worst(own.iter().filter_map(|run| run.score.clone()));
                let mark = is_held.then_some(Mark::AtMost(MOST));
                figures.push(figure.with_mark(mark).with_score(worst));
            }
        }
    }
    figures
}

/// The highest rate at which no hello was lost in any round. Those who print none do not take part.
fn highest(bench: &Bench, runs: &[Run], kind: Kind, packets_of_connection: f64) -> Option<Figure> {
    let own: Vec<&Run> = runs.iter().filter(|run| run.kind == kind).collect();
    own.first()?.score.as_ref()?;
    let lost = |run: &&&Run| run.score.as_ref().is_some_and(|score| score.right < score.needed);
    let least_lossy = own.iter().filter(lost).map(|run| run.sent).min_by(f64::total_cmp);
    let kept =
        own.iter().filter(|run| !lost(run) && least_lossy.is_none_or(|least| run.sent < least));
    let best = kept.map(|run| run.sent).max_by(f64::total_cmp).unwrap_or_default();
    let fastest = own.iter().map(|run| run.sent).max_by(f64::total_cmp)?;
    let what = "live: connections a second without a lost hello";
    let figure =
        Figure::new(PART, what, kind.name(), "1/s", Spread::of([best / packets_of_connection])?);
    // The agent has to keep up with the sender.
    let mark = Mark::AtLeast(fastest / packets_of_connection);
    Some(figure.with_mark((kind == Kind::Agent && !bench.quick).then_some(mark)))
}
