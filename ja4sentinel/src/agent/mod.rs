//! The service: a source of frames, a sensor, outputs, and what keeps them together.

mod backend;
mod bypass;
mod changes;
mod claim;
mod condition;
pub mod control;
mod engine;
mod interfaces;
#[cfg(test)]
mod kept;
mod ledger;
pub mod log;
mod meter;
mod names;
mod privileges;
mod progress;
mod report;
mod service;
mod signals;
mod supervisor;
mod traffic;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tokio::sync::watch;

use crate::config::Config;
use crate::metrics::Snapshot;
use backend::Backend;
use service::Service;
use signals::Signals;

#[cfg(feature = "libpcap")]
pub(crate) use backend::pcap_options;
pub(crate) use privileges::{Needs, plan};

pub use ledger::LedgerLine;
pub use names::look_up_without_libraries;

/// The configuration as it is now, or every mistake in it, a line each.
pub type Reload<'a> = &'a dyn Fn() -> Result<Config, String>;

/// Where the newest snapshot stands for all who want to read it.
type Board = watch::Sender<Arc<Snapshot>>;

/// Where the configuration comes from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// Its file, if there is one, which stays readable.
    pub file: Option<&'a Path>,
    /// Reads it again.
    pub reload: Reload<'a>,
}

impl std::fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origin").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Watches until a signal (SIGINT or SIGTERM) or the last output ends it; then what was captured is
/// written out and everything in the kernel is let go. At SIGHUP the configuration is read again
/// and taken over. Once all is set up, the process gives up what it no longer needs; there must be
/// no other thread until then.
///
/// # Errors
/// No backend works, an interface asked for by its name does not exist, the metrics cannot be
/// served, what is to be given up cannot be, or the source failed while running.
pub async fn run(config: Config, origin: Origin<'_>) -> Result<()> {
    // A name that is none is known before anything is attached.
    privileges::account(&config)?;
    // Before anything is attached that a signal would leave behind.
    let signals = Signals::new()?;
    match backend::open(&config)? {
        Backend::Ebpf(source) => Service::start(*source, config, origin).await?.run(signals).await,
        #[cfg(feature = "libpcap")]
        Backend::Pcap(source) => Service::start(*source, config, origin).await?.run(signals).await,
    }
}
