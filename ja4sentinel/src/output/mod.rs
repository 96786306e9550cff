//! Outputs: records in, lines out, to any number of places at once.
//!
//! Each output has a bounded queue and a thread of its own, so that a slow or dead one slows neither
//! another nor the capture. [`Outputs::deliver`] never waits. Every record given to an output ends
//! as delivered or as dropped for one [`Reason`], and until then counts as queued.

mod backoff;
mod batch;
mod counts;
mod fields;
mod file;
mod format;
mod lane;
mod latency;
#[cfg(test)]
mod sample;
mod select;
mod settings;
mod sink;
mod spool;
mod stdout;
mod tcp;
mod udp;
mod unix_socket;
mod weight;
mod worker;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::Notify;

use crate::record::Record;
use lane::Lane;

pub use counts::{Counts, Reason};
pub use fields::FIELDS;
pub use latency::{LATENCY_BOUNDS_US, Latency};
pub use settings::{
    Compression, Facility, FileConfig, Filter, Format, HostPort, OutputConfig, Rotation,
    SinkConfig, SocketType, SpoolConfig, SyslogConfig, SyslogTransport, TcpConfig, TlsConfig,
    UnixSocketConfig,
};

/// All outputs of the program.
#[derive(Debug)]
pub struct Outputs {
    /// Read for each record, written on reload only.
    lanes: RwLock<Vec<Lane>>,
    closed: Arc<Notify>,
}

impl Outputs {
    /// Starts an output for each configuration. What they write to is opened by their own threads,
    /// and again until it works.
    #[must_use]
    pub fn start(configs: &[OutputConfig]) -> Self {
        let closed = Arc::new(Notify::new());
        let lanes = configs.iter().map(|config| Lane::start(config, &closed)).collect();
        Self { lanes: RwLock::new(lanes), closed }
    }

    /// Gives a record to every output. Never waits: where there is no room the record is dropped
    /// and counted.
    pub fn deliver(&self, record: &Arc<Record>) {
        for lane in self.lanes().iter() {
            lane.deliver(record);
        }
    }

    /// The counts of each output.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        self.lanes().iter().map(Lane::counts).collect()
    }

    /// Opens files again, because logrotate may have moved them.
    pub fn reopen(&self) {
        for lane in self.lanes().iter() {
            lane.reopen();
        }
    }

    /// Takes over new configurations: an output whose configuration is the same goes on untouched,
    /// others are started, and those no longer wanted are drained, which blocks until `deadline` at
    /// most. Returns the counts of those that ended.
    pub fn reconfigure(&self, configs: &[OutputConfig], deadline: Instant) -> Vec<Counts> {
        let ended: Vec<Lane> = {
            let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
            let mut old: Vec<Lane> = std::mem::take(&mut lanes);
            for config in configs {
                let same = old.iter().position(|lane| lane.config() == config);
                lanes.push(match same {
                    Some(i) => old.swap_remove(i),
                    None => Lane::start(config, &self.closed),
                });
            }
            old
        };
        drain(&ended, deadline)
    }

    /// Writes out what is queued, as far as that is possible until `deadline`, and ends every
    /// output. Blocks; returns the last counts. Records given afterwards are dropped as `closed`.
    pub fn drain(&self, deadline: Instant) -> Vec<Counts> {
        drain(&self.lanes(), deadline)
    }

    /// Resolves when every output has closed for good, as standard output does when its reader has
    /// gone. Outputs that can come back never close.
    pub async fn all_closed(&self) {
        loop {
            let notified = self.closed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.lanes().iter().all(Lane::is_closed) {
                return;
            }
            notified.await;
        }
    }

    fn lanes(&self) -> std::sync::RwLockReadGuard<'_, Vec<Lane>> {
        // A lane list is never left half changed, so that a poisoned lock does no harm.
        self.lanes.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drain(lanes: &[Lane], deadline: Instant) -> Vec<Counts> {
    for lane in lanes {
        lane.stop(deadline);
    }
    lanes.iter().map(|lane| lane.wait(deadline)).collect()
}
