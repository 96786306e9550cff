//! Whether records come so fast that it is cheaper to look for them now and then than to be woken for
//! each.

use std::time::{Duration, Instant};

/// What the pace is judged by.
const SPAN: Duration = Duration::from_millis(1);
/// Records in that time from which on the kernel need not wake us: some 2,500 connections a second.
const BUSY: u64 = 5;

/// The pace of records.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    taken: u64,
    busy: bool,
}

impl Pace {
    /// Between two looks: a record waits a small part of what its way to an output may take, and the
    /// rest of the machine has time of its own.
    pub(super) const PAUSE: Duration = Duration::from_micros(100);

    pub(super) fn new() -> Self {
        Self { since: Instant::now(), taken: 0, busy: false }
    }

    /// Whether it is fast at present, `taken` records having come by `now` since the beginning.
    pub(super) fn is_busy(&mut self, taken: u64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since);
        if passed >= SPAN {
            let came = u128::from(taken.saturating_sub(self.taken));
            self.busy = came * SPAN.as_micros() >= u128::from(BUSY) * passed.as_micros();
            (self.since, self.taken) = (now, taken);
        }
        self.busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_records_make_it_busy_and_none_make_it_idle() {
        let mut pace = Pace::new();
        let at = |micros| pace.since + Duration::from_micros(micros);
        let times = [at(500), at(1_000), at(1_500), at(2_000), at(10_000)];
        let takens = [100, 100, 100, 100, 120];
        let busy = times.iter().zip(takens).map(|(now, taken)| pace.is_busy(taken, *now));
        assert_eq!(busy.collect::<Vec<_>>(), [false, true, true, false, false]);
    }
}
