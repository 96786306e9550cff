//! How far the run is, for all of its threads.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What goes on. Only ever forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Traffic, faults and changes.
    Load,
    /// All of that has ended; outputs are served, so that they can catch up.
    Calm,
    /// Everything ends.
    Over,
}

/// The present step, and what made the run end early.
#[derive(Debug)]
pub(super) struct Phase {
    step: Mutex<Step>,
    changed: Condvar,
    problem: Mutex<Option<anyhow::Error>>,
}

impl Phase {
    pub(super) fn new() -> Self {
        Self { step: Mutex::new(Step::Load), changed: Condvar::new(), problem: Mutex::default() }
    }

    /// Goes on to a step.
    pub(super) fn enter(&self, step: Step) {
        let mut present = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        *present = step.max(*present);
        self.changed.notify_all();
    }

    /// Waits for so long while this step, or one before it, lasts. Gives whether it still does.
    pub(super) fn rest(&self, step: Step, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut present = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if *present > step || left.is_zero() {
                return *present <= step;
            }
            let waited = self.changed.wait_timeout(present, left);
            present = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether this step, or one before it, lasts.
    pub(super) fn lasts(&self, step: Step) -> bool {
        self.rest(step, Duration::ZERO)
    }

    /// Runs a part of the run; an error in it ends all of them.
    pub(super) fn run(&self, part: impl FnOnce() -> anyhow::Result<()>) {
        if let Err(error) = part() {
            self.problem.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.enter(Step::Over);
        }
    }

    /// What made the run end early, if something did.
    pub(super) fn problem(&self) -> Option<anyhow::Error> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_ends_ends_all_rests_in_it() {
        let phase = Phase::new();
        assert!(phase.rest(Step::Load, Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let resting = scope.spawn(|| phase.rest(Step::Load, Duration::from_secs(60)));
            phase.enter(Step::Calm);
            assert!(!resting.join().unwrap());
        });
        assert!(phase.lasts(Step::Calm) && !phase.lasts(Step::Load));
        phase.run(|| anyhow::bail!("no more"));
        phase.enter(Step::Load);
        assert!(!phase.lasts(Step::Calm));
        assert_eq!(phase.problem().unwrap().to_string(), "no more");
    }
}
