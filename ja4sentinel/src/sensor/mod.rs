//! The engine: joins the stages, owns the loss ledger. Fuzzers, benchmarks, tests and every
//! capture source drive this one type.

mod arrival;
mod bench;
mod clients;
mod connection;
mod counters;
mod ending;
mod facts;
mod ledger;
mod observe;
mod oddities;
mod read;
mod reason;
mod receive;
mod report;
mod settings;
mod slot;

pub use clients::Clients;
pub use counters::Established;
pub use ledger::{Ledger, Named, Stage};
pub use reason::Reason;
pub use settings::{Limits, PortSet, ProxyProtocol, Settings};

use std::sync::Arc;

use bench::Bench;
use ending::End;
use oddities::{Oddities, Oddity};
use slot::Slot;

use crate::flow::{Defragmenter, Pushed, Table};
use crate::record::Record;
use crate::wire::{Endpoint, Frame, Packet, WireError, decode, decode_datagram};

/// What the sensor hands out.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A hello, fingerprinted (or reported as incomplete, where that is asked for).
    Record(&'a Record),
    /// Nothing more is wanted of this connection; a source that selects in the kernel stops
    /// handing it up. Not said of one that its client has closed, unless something follows.
    Settled {
        /// Client end.
        source: Endpoint,
        /// Server end.
        destination: Endpoint,
        /// Timestamp of the frame that settled it, nanoseconds since the UNIX epoch.
        as_of_ns: u64,
    },
}

/// Frames and time in, outcomes out.
///
/// Time is that of the frames and of [`Sensor::advance`]; it never goes back: a frame with an
/// earlier timestamp than one before is taken at that one's.
#[derive(Debug)]
pub struct Sensor {
    bench: Bench,
    table: Table<Slot>,
    /// No entry of the table was last moved before this, nanoseconds.
    moved_since_ns: u64,
    fragments: Defragmenter,
}

impl Sensor {
    /// A sensor with no connections; `backend` is the name that records carry.
    #[must_use]
    pub fn new(settings: Settings, backend: &'static str) -> Self {
        Self {
            table: Table::new(settings.limits.flows),
            moved_since_ns: 0,
            bench: Bench::new(settings, backend),
            fragments: Defragmenter::default(),
        }
    }

    /// Takes over new settings without losing a connection in flight.
    pub fn reconfigure(&mut self, settings: Settings) {
        self.table.set_capacity(settings.limits.flows);
        self.bench.reconfigure(settings);
    }

    /// Says how records shall name the interface with this index.
    pub fn name_interface(&mut self, index: u32, name: Arc<str>) {
        self.bench.interfaces.insert(index, name);
    }

    /// Takes one frame. Time moves forward to the frame's timestamp.
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut dyn FnMut(Outcome<'_>)) {
        self.advance(frame.timestamp_ns, out);
        self.bench.counters.frames += 1;
        let depth = self.bench.settings.tunnel_depth;
        match decode(frame, depth) {
            // Nearly all: not handed through one more call.
            Ok(Packet::Segment(segment)) => self.segment(&segment, Oddities::default(), out),
            other => self.packet(other, Oddities::default(), out),
        }
    }

    /// Moves time forward to `now_ns` (nanoseconds since the UNIX epoch) and ends what timed out.
    #[inline]
    pub fn advance(&mut self, now_ns: u64, out: &mut dyn FnMut(Outcome<'_>)) {
        self.bench.now_ns = self.bench.now_ns.max(now_ns);
        self.fragments.expire(self.bench.now_ns);
        let patience = self.bench.settings.limits.flow_timeout_ns;
        let deadline = self.bench.now_ns.checked_sub(patience);
        // Nothing in the table moved before this when it was last looked at, and what moves is moved
        // to a later time.
        if let Some(deadline) = deadline.filter(|deadline| *deadline >= self.moved_since_ns) {
            self.end_overdue(deadline, out);
        }
    }

    #[cold]
    fn end_overdue(&mut self, deadline: u64, out: &mut dyn FnMut(Outcome<'_>)) {
        while let Some(expired) = self.table.expired(deadline) {
            self.end(expired, End::TimedOut, out);
        }
        self.moved_since_ns = self.table.moved_since_ns().unwrap_or(self.bench.now_ns);
    }

    /// The input is over: ends every connection in flight, each with its reason.
    pub fn finish(&mut self, out: &mut dyn FnMut(Outcome<'_>)) {
        while let Some(handle) = self.table.expired(u64::MAX) {
            self.end(handle, End::InputOver, out);
        }
    }

    /// The loss ledger of this sensor, its stages in the order `frames`, `datagrams`,
    /// `connections`, `further_hellos`, `records`; balanced at any moment.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.bench.counters.ledger(&self.fragments)
    }

    /// The counters of the established metrics.
    #[must_use]
    pub fn established(&self) -> Established {
        self.bench.counters.established()
    }

    /// Bytes held for the reassembly of hellos, and of IP datagrams.
    #[must_use]
    pub fn reassembly_bytes(&self) -> (usize, usize) {
        (self.bench.budget.used(), self.fragments.bytes())
    }

    /// Connections in the table, finished ones included.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.table.len()
    }

    fn packet(
        &mut self,
        packet: Result<Packet<'_>, WireError>,
        signs: Oddities,
        out: &mut dyn FnMut(Outcome<'_>),
    ) {
        let fragment = match packet {
            Ok(Packet::Segment(segment)) => return self.segment(&segment, signs, out),
            Ok(Packet::Fragment(fragment)) => fragment,
            Err(cause) => return self.bench.counters.leave_unread(cause),
        };
        match self.fragments.push(&fragment, self.bench.now_ns) {
            Pushed::Held => self.bench.counters.hold_fragment(),
            Pushed::Dropped(cause) => self.bench.counters.drop_fragment(cause),
            Pushed::Complete(whole) => {
                let mut signs = signs;
                signs.note(Oddity::Fragmented, true);
                signs.note(Oddity::OverlapConflict, whole.conflict);
                self.bench.counters.complete_datagram();
                let depth = self.bench.settings.tunnel_depth;
                self.packet(decode_datagram(&whole.fragment(), depth), signs, out);
            }
        }
    }
}
