//! What every connection works with: settings, budget, counters, names.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::counters::Counters;
use super::{Outcome, ProxyProtocol, Settings};
use crate::fingerprint::Fingerprinter;
use crate::flow::{Bounds, Budget};
use crate::hello::preamble::MAX_PREAMBLE;
use crate::hello::preamble::proxy::{self, Proxy};
use crate::hello::{self, Reading};
use crate::record::Record;

/// A connection in the middle of its hello counts as stalled when nothing has come for this long,
/// nanoseconds: a client's TCP has repeated itself twice by then, after one second and after two
/// more (RFC 6298 section 2).
pub(super) const STALLED_AFTER_NS: u64 = 3_000_000_000;

/// Stream bytes per byte of hello, at the most: a record may carry a single byte behind its header
/// of five.
const STREAM_BYTES_PER_HELLO_BYTE: usize = 6;

/// The part of the memory for reassembly that is kept for hellos already begun: one in this many.
/// With less than that free, stalled connections leave, and no hello is begun that needs memory.
const RESERVE: usize = 8;

/// Shortest payload that is taken for the start of a PROXY header when the SYN was not seen, bytes.
const PROXY_START: usize = 6;

/// Who takes outcomes.
pub(super) type Out<'a> = dyn FnMut(Outcome<'_>) + 'a;

/// The state of the sensor that all connections share.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) settings: Settings,
    pub(super) backend: &'static str,
    pub(super) interfaces: HashMap<u32, Arc<str>, RandomState>,
    /// The latest timestamp seen; it never goes back.
    pub(super) now_ns: u64,
    pub(super) bounds: Bounds,
    pub(super) budget: Budget,
    pub(super) counters: Counters,
    pub(super) fingerprinter: Fingerprinter,
    /// The latest record; the next one is written over it.
    pub(super) record: Record,
    /// Where a hello is joined that is spread over several records.
    pub(super) scratch: Vec<u8>,
}

impl Bench {
    pub(super) fn new(settings: Settings, backend: &'static str) -> Self {
        Self {
            bounds: bounds(&settings),
            budget: Budget::new(settings.limits.reassembly_bytes),
            settings,
            backend,
            interfaces: HashMap::default(),
            now_ns: 0,
            counters: Counters::default(),
            fingerprinter: Fingerprinter::default(),
            record: Record::blank(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn reconfigure(&mut self, settings: Settings) {
        self.bounds = bounds(&settings);
        self.budget.set_limit(settings.limits.reassembly_bytes);
        self.settings = settings;
    }

    /// Whether the memory for reassembly is spent but for the reserve.
    pub(super) fn is_tight(&self) -> bool {
        self.budget.free() < self.settings.limits.reassembly_bytes / RESERVE
    }

    /// When a connection must have moved last to count as stalled now.
    pub(super) fn stalled_ns(&self) -> u64 {
        self.now_ns.saturating_sub(STALLED_AFTER_NS)
    }

    /// Whether a payload may be the first of a connection to `port` whose SYN was not seen.
    pub(super) fn begins_like_a_hello(&mut self, port: u16, payload: &[u8]) -> bool {
        if payload.is_empty() {
            return false;
        }
        if self.settings.proxy_protocol_on(port) != ProxyProtocol::Off
            && payload.len() >= PROXY_START
            && proxy::read(payload) != Proxy::None
        {
            return true;
        }
        !matches!(hello::read(payload, &mut self.scratch), Reading::NotTls(_))
    }
}

fn bounds(settings: &Settings) -> Bounds {
    Bounds {
        bytes: settings.limits.bytes_per_hello.saturating_mul(STREAM_BYTES_PER_HELLO_BYTE),
        pieces: settings.limits.segments_per_hello,
        boundaries: if settings.starttls { MAX_PREAMBLE } else { 0 },
    }
}
