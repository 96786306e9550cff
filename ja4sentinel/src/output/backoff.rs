//! How long to wait before trying again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that double, each with a random part, so that many outputs of many hosts that lost the
/// same peer do not come back at the same moment.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    random: RandomState,
    step: u64,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    /// A peer that comes back is found within this.
    pub(super) const LONGEST: Duration = Duration::from_secs(5);

    pub(super) fn new() -> Self {
        Self { next: Self::FIRST, random: RandomState::new(), step: 0 }
    }

    /// The next wait: between half and the whole of a length that doubles up to
    /// [`Self::LONGEST`].
    pub(super) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(Self::LONGEST);
        self.step += 1;
        let parts = u32::try_from(self.random.hash_one(self.step) % 1000).unwrap_or(0);
        whole / 2 + whole / 2 * parts / 1000
    }

    /// It worked: the next wait is the first again.
    pub(super) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.wait()).collect();
        assert!(waits[0] >= Backoff::FIRST / 2 && waits[0] <= Backoff::FIRST);
        assert!(waits.iter().all(|wait| *wait <= Backoff::LONGEST));
        assert!(waits[19] >= Backoff::LONGEST / 2);
        backoff.reset();
        assert!(backoff.wait() <= Backoff::FIRST);
    }

    #[test]
    fn two_outputs_wait_differently() {
        let (mut one, mut other) = (Backoff::new(), Backoff::new());
        assert!((0..20).any(|_| one.wait() != other.wait()));
    }
}
