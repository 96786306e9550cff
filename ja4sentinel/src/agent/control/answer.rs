//! What a client of the control socket is told.

use serde_json::{Map, Value, json};

use crate::agent::log;
use crate::config::LogLevel;
use crate::metrics::{self, Snapshot};
use crate::output::Counts;
use crate::sensor::Stage;

/// The answer to a request.
pub(super) fn to(request: &str, snapshot: &Snapshot) -> Value {
    let mut words = request.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("stats"), None, None) => stats(snapshot),
        (Some("log-level"), None, None) => log_level(),
        (Some("log-level"), Some(name), None) => match LogLevel::named(name) {
            Some(level) => {
                log::set_level(level);
                tracing::info!(level = name, "log level set by hand");
                log_level()
            }
            None => refusal("no such level: error, warn, info, debug or trace"),
        },
        _ => refusal("no such request: stats, log-level or log-level LEVEL"),
    }
}

/// The answer where there is none.
pub(super) fn refusal(why: &str) -> Value {
    json!({ "error": why })
}

fn log_level() -> Value {
    json!({ "log_level": log::level() })
}

/// The ledger and the counters.
fn stats(snapshot: &Snapshot) -> Value {
    let interfaces: Vec<Value> = snapshot
        .interfaces
        .iter()
        .map(|one| {
            let metrics::Interface { name, frames, records, bypassed } = one;
            json!({ "name": name, "frames": frames, "records": records, "bypassed": bypassed })
        })
        .collect();
    let balanced = snapshot.ledger.is_balanced() && snapshot.outputs.iter().all(Counts::balanced);
    json!({
        "version": snapshot.version,
        "commit": snapshot.commit,
        "backend": snapshot.backend,
        "ready": snapshot.ready,
        "log_level": log::level(),
        "balanced": balanced,
        "stages": snapshot.ledger.stages.iter().map(stage).collect::<Vec<_>>(),
        "outputs": snapshot.outputs.iter().map(output).collect::<Vec<_>>(),
        "interfaces": interfaces,
        "ring": snapshot.ring.map(|ring| json!({ "size": ring.size, "used": ring.used })),
    })
}

fn stage(stage: &Stage) -> Value {
    json!({
        "name": stage.name,
        "taken": stage.taken,
        "passed": stage.passed,
        "left_out": named(stage.left_out.iter().copied()),
        "lost": named(stage.lost.iter().copied()),
        "in_flight": stage.in_flight,
    })
}

fn output(counts: &Counts) -> Value {
    json!({
        "name": counts.output,
        "given": counts.given,
        "delivered": counts.delivered,
        "dropped": named(counts.by_reason().map(|(reason, count)| (reason.label(), count))),
        "queued": counts.queued,
        "spooled": counts.spooled,
        "retried": counts.retried,
    })
}

fn named(counts: impl Iterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    counts.map(|(name, count)| (name.to_owned(), count.into())).collect()
}
