//! Counters for Prometheus, and whether the service is alive and ready.
//!
//! The agent makes a [`Snapshot`] now and then; `table` says which metrics come of it, `text` writes
//! them down, and [`serve`] hands them out over HTTP.

mod http;
mod process;
mod server;
mod table;
mod text;

use std::time::Instant;

use crate::output::Counts;
use crate::sensor::Ledger;

pub use server::{Listener, Removed, bind_unix, serve};
pub use table::{Kind, METRICS, Metric};
pub use text::render;

/// What is known about the service at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was made. One that is old says that the service hangs.
    pub made: Instant,
    /// Whether packets are being watched.
    pub ready: bool,
    /// Version of the program.
    pub version: &'static str,
    /// Commit that it was built from.
    pub commit: &'static str,
    /// Hash of the eBPF object in it.
    pub ebpf_object: &'static str,
    /// How packets are taken: `ebpf` or `pcap`.
    pub backend: &'static str,
    /// Every stage but the outputs.
    pub ledger: Ledger,
    /// The outputs.
    pub outputs: Vec<Counts>,
    /// The watched interfaces.
    pub interfaces: Vec<Interface>,
    /// The ring buffer between kernel and agent, where there is one.
    pub ring: Option<Ring>,
}

/// What was counted on one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Frames handed up from it.
    pub frames: u64,
    /// Records made of them.
    pub records: u64,
    /// Whether hellos come in and the kernel program sees none, as another one before it takes them
    /// away.
    pub bypassed: bool,
}

/// How full the ring buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Its size, bytes.
    pub size: u64,
    /// Bytes that wait in it.
    pub used: u64,
}
