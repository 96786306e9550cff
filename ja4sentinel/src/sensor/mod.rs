//! The engine: joins the stages, owns the loss ledger. Fuzzers, benchmarks, tests and every
//! capture source drive this one type.

mod clients;
mod settings;

pub use clients::Clients;
pub use settings::{Limits, PortSet, ProxyProtocol, Settings};

use std::sync::Arc;

use crate::record::Record;
use crate::wire::{Endpoint, Frame};

/// What the sensor hands out.
#[derive(Debug)]
pub enum Outcome {
    /// A hello, fingerprinted (or reported as incomplete, where that is asked for).
    Record(Box<Record>),
    /// Nothing more is wanted of this connection; a source that selects in the kernel stops
    /// handing it up.
    Settled {
        /// Client end.
        source: Endpoint,
        /// Server end.
        destination: Endpoint,
    },
}

/// Frames and time in, outcomes out.
#[derive(Debug)]
pub struct Sensor {
    settings: Settings,
    backend: &'static str,
}

impl Sensor {
    /// A sensor with no connections; `backend` is the name that records carry.
    #[must_use]
    pub fn new(settings: Settings, backend: &'static str) -> Self {
        Self { settings, backend }
    }

    /// Takes over new settings without losing a connection in flight.
    pub fn reconfigure(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Says how records shall name the interface with this index.
    pub fn name_interface(&mut self, _index: u32, _name: Arc<str>) {
        let _ = self.backend;
    }

    /// Takes one frame. Time moves forward to the frame's timestamp.
    pub fn frame(&mut self, _frame: &Frame<'_>, _out: &mut dyn FnMut(Outcome)) {}

    /// Moves time forward to `now_ns` (nanoseconds since the UNIX epoch) and ends what timed out.
    pub fn advance(&mut self, _now_ns: u64, _out: &mut dyn FnMut(Outcome)) {}

    /// The input is over: ends every connection in flight, each with its reason.
    pub fn finish(&mut self, _out: &mut dyn FnMut(Outcome)) {}
}
