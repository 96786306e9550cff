//! The ledger of one output.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::latency::{Latency, LatencyCounters};

/// Why an output dropped a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The output's filter leaves it out.
    FilteredOut,
    /// Sampling leaves it out.
    SampledOut,
    /// The queue is full, because the output is slow.
    QueueFull,
    /// The queue is full, because the file system is.
    DiskFull,
    /// The queue is full, because the reader is away.
    Unreachable,
    /// The queue is full, because writing fails.
    WriteFailed,
    /// The spool is full.
    SpoolFull,
    /// Too long for a datagram.
    TooLong,
    /// The output has closed for good.
    Closed,
    /// The program ended before it could be written.
    Shutdown,
}

impl Reason {
    /// Every reason, in the order in which they are reported.
    pub const ALL: [Self; 10] = [
        Self::FilteredOut,
        Self::SampledOut,
        Self::QueueFull,
        Self::DiskFull,
        Self::Unreachable,
        Self::WriteFailed,
        Self::SpoolFull,
        Self::TooLong,
        Self::Closed,
        Self::Shutdown,
    ];

    /// Its name in metrics and logs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::FilteredOut => "filtered_out",
            Self::SampledOut => "sampled_out",
            Self::QueueFull => "queue_full",
            Self::DiskFull => "disk_full",
            Self::Unreachable => "unreachable",
            Self::WriteFailed => "write_failed",
            Self::SpoolFull => "spool_full",
            Self::TooLong => "too_long",
            Self::Closed => "closed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// What became of the records given to one output. When nothing is under way,
/// `given = delivered + queued + spooled + dropped`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Name of the output.
    pub output: String,
    /// Records given to it, and those that its spool held at the start.
    pub given: u64,
    /// Records handed over to the kernel for this output.
    pub delivered: u64,
    /// Records waiting in memory.
    pub queued: u64,
    /// Records waiting on disk.
    pub spooled: u64,
    /// Attempts to write that failed and were made again.
    pub retried: u64,
    /// Records dropped, by reason, in the order of [`Reason::ALL`].
    pub dropped: [u64; Reason::ALL.len()],
    /// Latency of the records delivered, those left out that came from the spool.
    pub latency: Latency,
}

impl Counts {
    /// Records dropped for `reason`.
    #[must_use]
    pub fn dropped_for(&self, reason: Reason) -> u64 {
        self.by_reason().find(|(other, _)| *other == reason).map_or(0, |(_, count)| count)
    }

    /// Every reason with its count.
    pub fn by_reason(&self) -> impl Iterator<Item = (Reason, u64)> {
        Reason::ALL.into_iter().zip(self.dropped)
    }

    /// Adds the counts of another output.
    pub(super) fn add(&mut self, other: &Self) {
        self.given += other.given;
        self.delivered += other.delivered;
        self.queued += other.queued;
        self.spooled += other.spooled;
        self.retried += other.retried;
        for (sum, count) in self.dropped.iter_mut().zip(other.dropped) {
            *sum += count;
        }
        self.latency.add(&other.latency);
    }

    /// Whether every record given is accounted for; momentarily false while records are on their
    /// way.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let ended = self.delivered + self.dropped.iter().sum::<u64>();
        self.given == ended + self.queued + self.spooled
    }
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    given: AtomicU64,
    delivered: AtomicU64,
    queued: AtomicU64,
    spooled: AtomicU64,
    retried: AtomicU64,
    dropped: [AtomicU64; Reason::ALL.len()],
    pub(super) latency: LatencyCounters,
}

impl Counters {
    /// A record was given and waits in memory.
    pub(super) fn queue(&self) {
        self.given.fetch_add(1, Relaxed);
        self.queued.fetch_add(1, Relaxed);
    }

    /// A record was given and is dropped at once.
    pub(super) fn refuse(&self, reason: Reason) {
        self.given.fetch_add(1, Relaxed);
        self.count(reason, 1);
    }

    /// Records that waited in memory were delivered.
    pub(super) fn deliver(&self, records: u64) {
        self.delivered.fetch_add(records, Relaxed);
        self.queued.fetch_sub(records, Relaxed);
    }

    /// Records that waited in memory are dropped.
    pub(super) fn drop(&self, reason: Reason, records: u64) {
        self.count(reason, records);
        self.queued.fetch_sub(records, Relaxed);
    }

    /// Records that waited in memory now wait on disk.
    pub(super) fn spool(&self, records: u64) {
        self.spooled.fetch_add(records, Relaxed);
        self.queued.fetch_sub(records, Relaxed);
    }

    /// An earlier run left records on disk.
    pub(super) fn restore(&self, records: u64) {
        self.given.fetch_add(records, Relaxed);
        self.spooled.fetch_add(records, Relaxed);
    }

    /// Records that wait on disk are about to be delivered or dropped.
    pub(super) fn unspool(&self, records: u64) {
        self.queued.fetch_add(records, Relaxed);
        self.spooled.fetch_sub(records, Relaxed);
    }

    /// An attempt failed and will be made again.
    pub(super) fn retry(&self) {
        self.retried.fetch_add(1, Relaxed);
    }

    fn count(&self, reason: Reason, records: u64) {
        for (counter, other) in self.dropped.iter().zip(Reason::ALL) {
            if other == reason {
                counter.fetch_add(records, Relaxed);
            }
        }
    }

    pub(super) fn snapshot(&self, output: &str) -> Counts {
        Counts {
            output: output.to_owned(),
            given: self.given.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            queued: self.queued.load(Relaxed),
            spooled: self.spooled.load(Relaxed),
            retried: self.retried.load(Relaxed),
            dropped: self.dropped.each_ref().map(|counter| counter.load(Relaxed)),
            latency: self.latency.snapshot(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_of_a_record_keeps_the_balance() {
        let counters = Counters::default();
        (0..5).for_each(|_| counters.queue());
        counters.refuse(Reason::FilteredOut);
        counters.deliver(2);
        counters.drop(Reason::TooLong, 1);
        counters.retry();
        counters.restore(3);
        counters.spool(2);
        counters.unspool(1);
        counters.deliver(1);
        let counts = counters.snapshot("x");
        assert!(counts.balanced(), "{counts:?}");
        assert_eq!((counts.given, counts.delivered), (9, 3));
        assert_eq!((counts.queued, counts.spooled), (0, 4));
        assert_eq!(counts.dropped_for(Reason::TooLong), 1);
        assert_eq!(counts.dropped_for(Reason::FilteredOut), 1);
    }
}
