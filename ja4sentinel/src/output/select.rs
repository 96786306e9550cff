//! Which records an output takes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::counts::Reason;
use super::settings::OutputConfig;
use crate::record::Record;
use crate::sensor::PortSet;

/// Filter and sampling of one output.
#[derive(Debug)]
pub(super) struct Selection {
    ports: Option<PortSet>,
    sample: u64,
    seen: AtomicU64,
}

impl Selection {
    pub(super) fn new(config: &OutputConfig) -> Self {
        Self {
            ports: config.filter.ports.clone(),
            sample: config.sample.max(1).into(),
            seen: AtomicU64::new(0),
        }
    }

    /// Why `record` is left out, if it is. Sampling takes the first of every so many records that
    /// pass the filter.
    pub(super) fn leaves_out(&self, record: &Record) -> Option<Reason> {
        if self.ports.as_ref().is_some_and(|ports| !ports.contains(record.dst_port)) {
            return Some(Reason::FilteredOut);
        }
        let number = self.seen.fetch_add(1, Relaxed);
        (!number.is_multiple_of(self.sample)).then_some(Reason::SampledOut)
    }
}
