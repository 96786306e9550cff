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
mod lanes;
mod latency;
mod place;
mod probe;
mod queue;
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
mod worker;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use tokio::sync::Notify;

use crate::record::Record;
use lane::Lane;
use lanes::Lanes;

pub use counts::{Counts, Reason};
pub use fields::FIELDS;
pub use latency::{LATENCY_BOUNDS_US, Latency};
pub use probe::{probe, probe_spool};
pub use settings::{
    Compression, Facility, FileConfig, Filter, Format, HostPort, OutputConfig, Rotation,
    SinkConfig, SocketType, SpoolConfig, SyslogConfig, SyslogTransport, TcpConfig, TlsConfig,
    UnixSocketConfig,
};

/// All outputs of the program.
#[derive(Debug)]
pub struct Outputs {
    /// Read for each record, written on reload only.
    lanes: RwLock<Lanes>,
    closed: Arc<Notify>,
}

impl Outputs {
    /// Starts an output for each configuration. What they write to is opened by their own threads,
    /// and again until it works.
    #[must_use]
    pub fn start(configs: &[OutputConfig]) -> Self {
        let closed = Arc::new(Notify::new());
        let mut lanes = Lanes::default();
        lanes.replace(configs, Instant::now(), &closed);
        Self { lanes: RwLock::new(lanes), closed }
    }

    /// Gives a record to every output, where it waits for [`Outputs::flush`] or for much more. Never
    /// waits for what an output writes to: where there is no room the record is dropped and counted.
    pub fn deliver(&self, record: &Record) {
        for lane in &self.lanes().present {
            lane.deliver(record);
        }
    }

    /// Lets every output have what it was given.
    pub fn flush(&self) {
        for lane in &self.lanes().present {
            lane.flush();
        }
    }

    /// The counts of each output. One that took over a name goes on with the counts behind it.
    #[must_use]
    pub fn counts(&self) -> Vec<Counts> {
        self.lanes().counts()
    }

    /// Opens files again, because logrotate may have moved them.
    pub fn reopen(&self) {
        for lane in &self.lanes().present {
            lane.reopen();
        }
    }

    /// Takes over new configurations: an output whose configuration is the same goes on untouched,
    /// others are started, and those no longer wanted have until `deadline` to write out what they
    /// hold. Does not wait for that.
    pub fn reconfigure(&self, configs: &[OutputConfig], deadline: Instant) {
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        lanes.replace(configs, deadline, &self.closed);
    }

    /// Writes out what is queued, as far as that is possible until `deadline`, and ends every
    /// output. Blocks; returns the last counts. Records given afterwards are dropped as `closed`.
    pub fn drain(&self, deadline: Instant) -> Vec<Counts> {
        let lanes = self.lanes();
        lanes.drain(deadline);
        lanes.counts()
    }

    /// Resolves when every output has closed for good, as standard output does when its reader has
    /// gone. Outputs that can come back never close.
    pub async fn all_closed(&self) {
        loop {
            let notified = self.closed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.lanes().present.iter().all(Lane::is_closed) {
                return;
            }
            notified.await;
        }
    }

    fn lanes(&self) -> RwLockReadGuard<'_, Lanes> {
        // The lanes are never left half changed, so that a poisoned lock does no harm.
        self.lanes.read().unwrap_or_else(PoisonError::into_inner)
    }
}
