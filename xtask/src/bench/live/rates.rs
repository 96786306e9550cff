//! What replays at several rates come to.

use std::collections::BTreeMap;

use super::sniffer::Kind;
use crate::bench::Bench;
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::Score;
use crate::bench::spread::Spread;

const PART: &str = "live";
/// What the agent and the classifier may cost a packet, microseconds, when packets come this fast: at
/// leisure each hello is dealt with at once, and pays a wake-up of its own.
const MOST: f64 = 0.5;
pub(super) const FAST: u32 = 300_000;

/// One replay.
pub(super) struct Run {
    pub(super) kind: Kind,
    pub(super) rate: Option<u32>,
    /// Packets a second that were sent.
    pub(super) sent: f64,
    /// Microseconds a packet.
    pub(super) cost: f64,
    /// The most memory, MiB.
    pub(super) memory: f64,
    pub(super) score: Option<Score>,
}

/// What a rate is called.
pub(super) fn name(rate: Option<u32>) -> String {
    rate.map_or_else(|| "as fast as can be sent".to_owned(), |rate| format!("{rate} packets/s"))
}

/// Who is there up to which rate, and at what cost.
pub(super) fn figures(bench: &Bench, runs: &[Run], packets_of_connection: f64) -> Vec<Figure> {
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
                let is_fast = rate.is_none_or(|rate| rate >= FAST);
                let is_held = unit == "us" && is_fast && *kind == Kind::Agent && !bench.quick;
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
