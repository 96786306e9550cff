//! Frames from the source through the sensor to the outputs, on one task.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::condition::Condition;
use super::{interfaces, ledger};
use crate::capture::{self, Captured, Interface, Live};
use crate::config::Config;
use crate::output::Outputs;
use crate::sensor::{Ledger, Outcome, Sensor};
use crate::wire::Endpoint;

/// Frames taken before signals and the clock have their turn.
const TURN: usize = 4096;
/// How long frames that wait are taken at the end, should they not stop coming.
const LAST_FRAMES: Duration = Duration::from_secs(1);
/// How far the sensor's clock stays behind this machine's: what is still on its way from the kernel
/// bears an earlier time.
const CLOCK_LAG: Duration = Duration::from_secs(1);

/// A source, a sensor and outputs.
pub(super) struct Engine<'a, S> {
    source: S,
    sensor: Sensor,
    outputs: &'a Outputs,
    config: &'a Config,
    watched: Vec<Interface>,
    /// What the last attempt to follow the interfaces failed with, so that it is said once.
    trouble: Option<String>,
    condition: Condition,
    /// Connections of which nothing more is wanted; told to the source between two frames.
    settled: Vec<(Endpoint, Endpoint, u64)>,
}

impl<'a, S: Live> Engine<'a, S> {
    /// Around a source that watches its interfaces already.
    pub(super) fn new(
        source: S,
        backend: &'static str,
        config: &'a Config,
        outputs: &'a Outputs,
        condition: Condition,
    ) -> Self {
        Self {
            source,
            sensor: Sensor::new(config.settings.clone(), backend),
            outputs,
            config,
            watched: Vec::new(),
            trouble: None,
            condition,
            settled: Vec::new(),
        }
    }

    /// Waits until [`Engine::drain`] may have something to do.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        self.source.ready().await
    }

    /// Takes the frames that wait; not all of them when there are many. Gives whether some are left.
    pub(super) fn drain(&mut self) -> Result<bool> {
        for _ in 0..TURN {
            let captured = self.source.next().context("the source failed")?;
            match captured {
                None => return Ok(false),
                Some(Captured::Interface { index, name }) => {
                    self.sensor.name_interface(index, name);
                }
                Some(Captured::Frame(frame)) => {
                    if self.condition.admits(&frame) {
                        let (outputs, settled) = (self.outputs, &mut self.settled);
                        self.sensor.frame(&frame, &mut |outcome| take(outcome, outputs, settled));
                        self.settle();
                    }
                }
            }
        }
        Ok(true)
    }

    /// Moves the sensor's clock, and follows the interfaces as they come and go.
    pub(super) fn tick(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = now.saturating_sub(CLOCK_LAG).as_nanos();
        let (outputs, settled) = (self.outputs, &mut self.settled);
        self.sensor.advance(u64::try_from(now).unwrap_or(u64::MAX), &mut |outcome| {
            take(outcome, outputs, settled);
        });
        self.settle();
        let followed = self.follow().map_err(|error| format!("{error:#}"));
        if followed.as_ref().err() != self.trouble.as_ref() {
            match &followed {
                Ok(()) => tracing::info!("all interfaces are watched again"),
                Err(error) => tracing::warn!(error, "not all interfaces can be watched"),
            }
        }
        self.trouble = followed.err();
    }

    fn follow(&mut self) -> Result<()> {
        let there = capture::interfaces().context("the interfaces cannot be listed")?;
        let wanted = interfaces::matching(&self.config.interfaces, there);
        for interface in wanted.iter().filter(|one| !self.watched.contains(one)) {
            tracing::info!(interface = &*interface.name, index = interface.index, "watching");
        }
        for interface in self.watched.iter().filter(|one| !wanted.contains(one)) {
            tracing::info!(interface = &*interface.name, index = interface.index, "gone");
        }
        self.watched = wanted;
        Ok(self.source.watch(&self.watched)?)
    }

    fn settle(&mut self) {
        for (source, destination, as_of_ns) in self.settled.drain(..) {
            self.source.settle(source, destination, as_of_ns);
        }
    }

    /// The end: takes what still waits, and ends every connection in flight.
    pub(super) fn finish(&mut self) {
        let deadline = Instant::now() + LAST_FRAMES;
        while Instant::now() < deadline {
            match self.drain() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "frames may be left unread");
                    break;
                }
            }
        }
        let (outputs, settled) = (self.outputs, &mut self.settled);
        self.sensor.finish(&mut |outcome| take(outcome, outputs, settled));
    }

    /// The ledger from the kernel to the outputs.
    pub(super) fn ledger(&mut self) -> Ledger {
        let counters = self.source.counters().unwrap_or_else(|error| {
            tracing::warn!(%error, "the kernel's counters cannot be read");
            capture::Counters::default()
        });
        let stages = [ledger::kernel(counters)].into_iter().chain(self.condition.stage());
        let mut ledger = Ledger { stages: stages.collect() };
        ledger.merge(&self.sensor.ledger());
        ledger::replace_outputs(&mut ledger, &self.outputs.counts());
        ledger
    }
}

fn take(outcome: Outcome, outputs: &Outputs, settled: &mut Vec<(Endpoint, Endpoint, u64)>) {
    match outcome {
        Outcome::Record(record) => outputs.deliver(&Arc::from(record)),
        Outcome::Settled { source, destination, as_of_ns } => {
            settled.push((source, destination, as_of_ns));
        }
    }
}
