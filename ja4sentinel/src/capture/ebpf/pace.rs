//! Whether records come so fast that it is cheaper to look for them now and then than to be woken for
//! each.

use std::time::{Duration, Instant};

/// What the pace is judged by.
const SPAN: Duration = Duration::from_millis(1);

/// How long to leave the ring alone, by how many records come in a millisecond at least.
///
/// A record waits a small part of what its way to an output may take. Where very many come, each
/// look, and each wake-up of whoever is next, pays for more of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Records in a millisecond.
    pub(super) least: u64,
    /// Time between two looks.
    pub(super) pause: Duration,
}

/// The pace of a ring's records.
#[derive(Debug)]
pub(super) struct Pace {
    /// From the fastest on.
    steps: &'static [Step],
    since: Instant,
    taken: u64,
    pause: Option<Duration>,
}

impl Pace {
    /// Idle as yet.
    #[must_use]
    pub(super) fn new(steps: &'static [Step]) -> Self {
        Self { steps, since: Instant::now(), taken: 0, pause: None }
    }

    /// Between two looks at present, `taken` things having come by `now` since the beginning; `None`
    /// where it is better to be woken.
    pub(super) fn pause(&mut self, taken: u64, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.since);
        if passed >= SPAN {
            let came = u128::from(taken.saturating_sub(self.taken)) * SPAN.as_micros();
            let is_reached = |step: &&Step| came >= u128::from(step.least) * passed.as_micros();
            self.pause = self.steps.iter().find(is_reached).map(|step| step.pause);
            (self.since, self.taken) = (now, taken);
        }
        self.pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_come_the_longer_it_is_left_alone() {
        const LONG: Duration = Duration::from_micros(400);
        const SHORT: Duration = Duration::from_micros(100);
        const STEPS: &[Step] = &[Step { least: 20, pause: LONG }, Step { least: 5, pause: SHORT }];
        let mut pace = Pace::new(STEPS);
        let at = |micros| pace.since + Duration::from_micros(micros);
        let times = [at(500), at(1_000), at(1_500), at(2_000), at(10_000), at(12_000)];
        let takens = [100, 100, 100, 108, 120, 130];
        let pauses: Vec<_> =
            times.iter().zip(takens).map(|(now, taken)| pace.pause(taken, *now)).collect();
        assert_eq!(pauses, [None, Some(LONG), Some(LONG), Some(SHORT), None, Some(SHORT)]);
    }
}
