//! What the service says about its work.

use super::ledger::{LedgerLine, lost_since};
use crate::sensor::Ledger;

/// Says once a minute what was lost in it, when something was.
#[derive(Default)]
pub(super) struct Report {
    ticks: u32,
    before: Ledger,
}

impl Report {
    /// A minute of [`super::TICK`]s.
    const TICKS: u32 = 60;

    /// Called with every tick; looks at the ledger once a minute.
    pub(super) fn tick(&mut self, ledger: impl FnOnce() -> Ledger) {
        self.ticks += 1;
        if self.ticks < Self::TICKS {
            return;
        }
        self.ticks = 0;
        let now = ledger();
        if let Some(lost) = lost_since(&self.before, &now) {
            tracing::warn!(lost, "lost in the last minute");
        }
        self.before = now;
    }
}

/// The last word: the kernel's counters and the ledger.
pub(super) fn end(ledger: &Ledger) {
    let kernel = ledger.stage("kernel");
    tracing::info!(
        seen = kernel.map(|stage| stage.taken),
        handed_up = kernel.map(|stage| stage.passed),
        records = ledger.stage("records").map(|stage| stage.passed),
        ledger = %LedgerLine(ledger),
        "ended"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::kept::Kept;
    use crate::sensor::Stage;

    fn evicted(count: u64) -> Ledger {
        let (name, lost) = ("connections".to_owned(), vec![("evicted", count)]);
        Ledger { stages: vec![Stage { name, taken: count, lost, ..Stage::default() }] }
    }

    #[test]
    fn a_line_a_minute_says_what_was_lost_in_it() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let mut report = Report::default();
            // Lost up to the end of each minute.
            for (minute, lost, said) in
                [(1, 0, None), (2, 3, Some(3)), (3, 3, None), (4, 5, Some(2))]
            {
                let before = kept.lines().len();
                for _ in 0..60 {
                    assert_eq!(kept.lines().len(), before, "minute {minute}");
                    report.tick(|| evicted(lost));
                }
                let lines = kept.lines().split_off(before);
                assert_eq!(lines.len(), usize::from(said.is_some()), "minute {minute}: {lines:?}");
                for (line, count) in lines.iter().zip(said) {
                    assert!(line.contains(&format!("connections evicted {count}")), "{line}");
                }
            }
        });
    }
}
