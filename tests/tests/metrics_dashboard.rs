//! The dashboard and the alert rules ask for metrics, stages and reasons that the agent has.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::collections::BTreeSet;

use ja4sentinel::capture::Live as _;
use ja4sentinel::capture::pcap::{Options, PcapSource};
use ja4sentinel::metrics::{Kind, METRICS};
use ja4sentinel::output::Reason;
use ja4sentinel::sensor::{Ledger, PortSet, Sensor, Settings};
use ja4sentinel_common::Counter;

const ALERTS: &str = include_str!("../../deploy/monitoring/alerts.yml");
const DASHBOARD: &str = include_str!("../../deploy/monitoring/dashboard.json");

#[test]
fn every_metric_that_is_asked_for_is_in_the_table() {
    let mut known = BTreeSet::new();
    for metric in METRICS {
        let parts: &[&str] = match metric.kind {
            Kind::Counter | Kind::Gauge => &[""],
            Kind::Histogram => &["_bucket", "_sum", "_count"],
        };
        known.extend(parts.iter().map(|part| format!("{}{part}", metric.name)));
    }
    for text in [ALERTS, DASHBOARD] {
        let asked: BTreeSet<&str> = names(text).collect();
        assert!(asked.len() > 8, "hardly anything is asked for: {asked:?}");
        let unknown: Vec<_> = asked.iter().filter(|name| !known.contains(**name)).collect();
        assert!(unknown.is_empty(), "no metric is called {unknown:?}");
    }
    // What nobody looks at need not be counted.
    let asked: BTreeSet<&str> = names(ALERTS).chain(names(DASHBOARD)).collect();
    let unseen = METRICS.iter().filter(|one| !asked.iter().any(|name| name.starts_with(one.name)));
    let unseen: Vec<&str> = unseen.map(|one| one.name).collect();
    assert_eq!(unseen, ["ja4sentinel_output_given_total"], "on no panel and in no rule");
}

#[test]
fn every_stage_and_reason_that_is_named_exists() {
    let ledger = Sensor::new(Settings::default(), "ebpf").ledger();
    let mut stages: BTreeSet<&str> = ledger.stages.iter().map(|one| one.name.as_str()).collect();
    stages.insert("kernel");
    let reasons = reasons(&ledger);
    for text in [ALERTS, &DASHBOARD.replace("\\\"", "\"")] {
        for stage in label(text, "stage") {
            assert!(stages.contains(stage), "no stage is called {stage}");
        }
        for reason in label(text, "reason") {
            assert!(reasons.contains(reason), "no reason is called {reason}");
        }
    }
    assert!(label(ALERTS, "reason").any(|reason| reason == "ring_full"), "labels are not found");
}

/// The names under which something is lost or dropped, from the kernel to the outputs.
fn reasons(ledger: &Ledger) -> BTreeSet<&'static str> {
    let options = Options {
        ports: PortSet::any(),
        tunnels: false,
        condition: None,
        promiscuous: false,
        any: false,
    };
    let pcap = PcapSource::new(options).unwrap().counters().unwrap();
    let sensor = ledger.stages.iter().flat_map(|stage| &stage.lost);
    sensor
        .chain(&pcap.lost)
        .map(|(name, _)| *name)
        .chain(Counter::ALL.into_iter().map(Counter::label))
        .chain(Reason::ALL.into_iter().map(Reason::label))
        .collect()
}

/// The names of metrics in a text: ours, and those of the process.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("ja4sentinel_") || word.starts_with("process_"))
}

/// What stands behind `name=`, `name!=`, `name=~` and `name!~` in quotes, taken apart at `|`.
fn label<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let matchers = text.split(['{', ',', '(']).filter_map(move |part| part.strip_prefix(name));
    let values = matchers.filter_map(|rest| {
        let rest = rest.trim_start_matches(['!', '=', '~']).strip_prefix('"')?;
        rest.split_once('"').map(|(value, _)| value)
    });
    values.flat_map(|value| value.split('|'))
}
