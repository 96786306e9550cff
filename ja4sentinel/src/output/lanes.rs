//! The outputs there are, and those that are going or have gone.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::counts::Counts;
use super::lane::Lane;
use super::settings::OutputConfig;

/// Outputs, present and past.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// In the order of the configuration.
    pub(super) present: Vec<Lane>,
    /// Told to end; they may still be at work.
    leaving: Vec<Lane>,
    /// The last counts of those that have ended.
    left: Vec<Counts>,
}

impl Lanes {
    /// Goes over to other configurations. An output whose configuration is the same goes on
    /// untouched; the others are told to end by `deadline`, and new ones begin. One that writes to
    /// the same place as one that leaves begins when that has ended.
    pub(super) fn replace(
        &mut self,
        configs: &[OutputConfig],
        deadline: Instant,
        closed: &Arc<Notify>,
    ) {
        self.forget_ended();
        let mut old = std::mem::take(&mut self.present);
        let kept: Vec<Option<Lane>> = configs
            .iter()
            .map(|config| {
                let same = old.iter().position(|lane| lane.config() == config);
                same.map(|i| old.swap_remove(i))
            })
            .collect();
        for lane in &old {
            lane.stop(deadline);
        }
        self.leaving.append(&mut old);
        for (config, kept) in configs.iter().zip(kept) {
            let before = self.leaving.iter().filter(|lane| lane.shares_place_with(config));
            let lane = kept.unwrap_or_else(|| Lane::start(config, before, closed));
            self.present.push(lane);
        }
    }

    /// The counts of each name, those of former outputs of that name included.
    pub(super) fn counts(&self) -> Vec<Counts> {
        let mut sums: Vec<Counts> = Vec::new();
        let leaving = self.leaving.iter().map(last_counts);
        let all = self.present.iter().map(Lane::counts).chain(leaving);
        for counts in all.chain(self.left.iter().cloned()) {
            add(&mut sums, counts);
        }
        sums
    }

    /// Ends every output, see [`super::Outputs::drain`].
    pub(super) fn drain(&self, deadline: Instant) {
        for lane in &self.present {
            lane.stop(deadline);
        }
        for lane in self.present.iter().chain(&self.leaving) {
            lane.wait(deadline);
        }
    }

    /// Keeps nothing of those that have ended but their counts.
    fn forget_ended(&mut self) {
        for lane in self.leaving.extract_if(.., |lane| lane.is_closed()) {
            add(&mut self.left, last_counts(&lane));
        }
    }
}

/// What an output that has ended left on its disk is counted again by whoever takes that up.
fn last_counts(lane: &Lane) -> Counts {
    let mut counts = lane.counts();
    if lane.is_closed() {
        counts.given -= counts.spooled;
        counts.spooled = 0;
    }
    counts
}

fn add(sums: &mut Vec<Counts>, counts: Counts) {
    match sums.iter_mut().find(|sum| sum.output == counts.output) {
        Some(sum) => sum.add(&counts),
        None => sums.push(counts),
    }
}
