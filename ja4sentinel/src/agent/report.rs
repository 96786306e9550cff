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
