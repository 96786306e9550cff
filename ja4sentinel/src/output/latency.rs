//! Time from the packet that completed a hello to the moment its record was delivered.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// Upper bounds of the buckets in microseconds: from what a busy loop reaches to a slow reader.
pub const LATENCY_BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Counts of records by their latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// Records up to each bound of [`LATENCY_BOUNDS_US`] and above the one before it; the last
    /// bucket holds those above every bound.
    pub buckets: [u64; LATENCY_BOUNDS_US.len() + 1],
    /// Sum over all of them, microseconds.
    pub sum_us: u64,
}

impl Latency {
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
        self.sum_us += other.sum_us;
    }
}

/// The counters behind [`Latency`].
#[derive(Debug, Default)]
pub(super) struct LatencyCounters {
    buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl LatencyCounters {
    /// Counts records whose packets came at these times, nanoseconds since the UNIX epoch.
    pub(super) fn observe(&self, packets_ns: impl Iterator<Item = u64>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        for packet_ns in packets_ns {
            self.add(now.saturating_sub(packet_ns / 1000));
        }
    }

    fn add(&self, latency_us: u64) {
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < latency_us);
        if let Some(counter) = self.buckets.get(bucket) {
            counter.fetch_add(1, Relaxed);
        }
        self.sum_us.fetch_add(latency_us, Relaxed);
    }

    pub(super) fn snapshot(&self) -> Latency {
        Latency {
            buckets: self.buckets.each_ref().map(|counter| counter.load(Relaxed)),
            sum_us: self.sum_us.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_counts_in_the_bucket_whose_bound_it_does_not_exceed() {
        let counters = LatencyCounters::default();
        for latency in [0, 250, 251, 10_000_000, 10_000_001] {
            counters.add(latency);
        }
        let Latency { buckets, sum_us } = counters.snapshot();
        assert_eq!((buckets[0], buckets[1], buckets[13], buckets[14]), (2, 1, 1, 1));
        assert_eq!((buckets.iter().sum::<u64>(), sum_us), (5, 20_000_502));
    }
}
