//! The ledger from the kernel to the last output, and how it is said.

use std::fmt;

use crate::capture::Counters;
use crate::output::{Counts, Reason};
use crate::sensor::{Ledger, Named, Stage};

/// What comes before the name of an output in its stage's name.
const OUTPUT: &str = "output ";

/// The stage of the source's own counters.
pub(super) fn kernel(counters: Counters) -> Stage {
    let mut stage = Stage {
        name: "kernel".to_owned(),
        taken: counters.seen,
        passed: counters.handed_up,
        left_out: counters.left_out,
        lost: counters.lost,
        in_flight: 0,
    };
    // SYNs that are kept for the payload that follows them, and frames still in a ring.
    stage.in_flight = stage.taken.saturating_sub(stage.accounted());
    stage
}

/// Puts the stages of the outputs, as they are now, at the end.
pub(super) fn replace_outputs(ledger: &mut Ledger, outputs: &[Counts]) {
    ledger.stages.retain(|stage| !stage.name.starts_with(OUTPUT));
    ledger.stages.extend(outputs.iter().map(|counts| {
        let unwanted = |reason| matches!(reason, Reason::FilteredOut | Reason::SampledOut);
        let named = |unwanted_ones| -> Named {
            counts
                .by_reason()
                .filter(|(reason, _)| unwanted(*reason) == unwanted_ones)
                .map(|(reason, count)| (reason.label(), count))
                .collect()
        };
        Stage {
            name: format!("{OUTPUT}{}", counts.output),
            taken: counts.given,
            passed: counts.delivered,
            left_out: named(true),
            lost: named(false),
            in_flight: counts.queued + counts.spooled,
        }
    }));
}

/// What was lost since `before`, by stage and cause: `kernel ring_full 3, connections evicted 1`.
/// `None` when nothing was.
pub(super) fn lost_since(before: &Ledger, now: &Ledger) -> Option<String> {
    let mut parts = Vec::new();
    for stage in &now.stages {
        let earlier = before.stage(&stage.name);
        for (label, count) in &stage.lost {
            let known = earlier
                .and_then(|stage| stage.lost.iter().find(|(name, _)| name == label))
                .map_or(0, |(_, count)| *count);
            if *count > known {
                parts.push(format!("{} {label} {}", stage.name, count - known));
            }
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A ledger in a line: what became of the connections, every other stage in which something was
/// lost, and what outputs hold that they have not delivered.
#[derive(Debug)]
pub struct LedgerLine<'a>(pub &'a Ledger);

impl fmt::Display for LedgerLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.0.stage("connections");
        if let Some(stage) = connections {
            write!(f, "{} connections = {} fingerprinted", stage.taken, stage.passed)?;
            for (label, count) in causes(stage) {
                write!(f, " + {count} {label}")?;
            }
            if stage.in_flight > 0 {
                write!(f, " + {} in flight", stage.in_flight)?;
            }
        }
        let others = self.0.stages.iter().filter(|stage| stage.name != "connections");
        for stage in others.filter(|stage| stage.losses() > 0) {
            write!(f, "; {} lost", stage.name)?;
            for (i, (label, count)) in causes(stage).enumerate() {
                write!(f, "{} {count} {label}", if i == 0 { "" } else { "," })?;
            }
        }
        for stage in self.0.stages.iter().filter(|stage| stage.name.starts_with(OUTPUT)) {
            if stage.in_flight > 0 {
                write!(f, "; {} holds {}", stage.name, stage.in_flight)?;
            }
        }
        if !self.0.is_balanced() {
            write!(f, "; the ledger does not balance, which is a fault of this program")?;
        }
        Ok(())
    }
}

fn causes(stage: &Stage) -> impl Iterator<Item = &(&'static str, u64)> {
    stage.lost.iter().filter(|(_, count)| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(ring_full: u64, evicted: u64) -> Ledger {
        let counters = Counters {
            seen: 10 + ring_full,
            handed_up: 8,
            left_out: vec![("settled", 1)],
            lost: vec![("ring_full", ring_full)],
            ..Counters::default()
        };
        let connections = Stage {
            name: "connections".to_owned(),
            taken: 7 + evicted,
            passed: 5,
            lost: vec![("no_payload", 0), ("evicted", evicted)],
            in_flight: 2,
            ..Stage::default()
        };
        Ledger { stages: vec![kernel(counters), connections] }
    }

    #[test]
    fn only_what_grew_is_named() {
        assert_eq!(lost_since(&ledger(1, 1), &ledger(1, 1)), None);
        let lost = lost_since(&ledger(1, 0), &ledger(4, 2)).unwrap();
        assert_eq!(lost, "kernel ring_full 3, connections evicted 2");
        assert_eq!(lost_since(&Ledger::default(), &ledger(1, 0)).unwrap(), "kernel ring_full 1");
    }

    #[test]
    fn the_line_names_each_cause_and_balances() {
        assert_eq!(ledger(0, 0).stages[0].in_flight, 1);
        assert_eq!(
            LedgerLine(&ledger(3, 1)).to_string(),
            "8 connections = 5 fingerprinted + 1 evicted + 2 in flight; kernel lost 3 ring_full"
        );
        let mut holding = ledger(0, 0);
        let output = Stage {
            name: "output x".to_owned(),
            taken: 9,
            passed: 2,
            in_flight: 7,
            ..Stage::default()
        };
        holding.stages.push(output);
        assert!(LedgerLine(&holding).to_string().ends_with("in flight; output x holds 7"));
        let mut wrong = ledger(0, 0);
        wrong.stages[1].taken += 1;
        assert!(LedgerLine(&wrong).to_string().contains("does not balance"));
    }
}
