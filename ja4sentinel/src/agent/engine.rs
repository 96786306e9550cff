//! Frames from the source through the sensor to the outputs, on one task.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use super::backend::Configured;
use super::bypass::Bypass;
use super::claim::Claim;
use super::condition::Condition;
use super::progress::Progress;
use super::traffic::Traffic;
use super::{interfaces, ledger};
use crate::capture::{self, Captured, Interface, LinkEvent};
use crate::config::{Config, Interfaces};
use crate::metrics::Snapshot;
use crate::output::Outputs;
use crate::sensor::{Ledger, Outcome, PortSet, Sensor};
use crate::wire::Endpoint;

/// Frames taken before signals and the clock have their turn.
const TURN: usize = 1024;
/// How long frames that wait are taken at the end, should they not stop coming.
const LAST_FRAMES: Duration = Duration::from_secs(1);
/// How far the sensor's clock stays behind this machine's: what is still on its way from the kernel
/// bears an earlier time.
const CLOCK_LAG: Duration = Duration::from_secs(1);

/// A source, a sensor and outputs.
pub(super) struct Engine<S> {
    source: S,
    sensor: Sensor,
    interfaces: Interfaces,
    ports: PortSet,
    watched: Vec<Interface>,
    /// Whether interfaces that come are watched too.
    follows: bool,
    /// What the last attempt to follow the interfaces failed with, so that it is said once.
    trouble: Option<String>,
    bypass: Option<Bypass>,
    claim: Claim,
    condition: Condition,
    /// Frames taken from the source.
    taken: u64,
    progress: Progress,
    exits: Exits,
}

fn claim(config: &Config) -> Claim {
    Claim::make(&config.interfaces, &config.settings.ports)
}

/// Where outcomes go.
struct Exits {
    outputs: Arc<Outputs>,
    traffic: Traffic,
    /// Connections of which nothing more is wanted; told to the source between two frames.
    settled: Vec<(Endpoint, Endpoint, u64)>,
}

impl<S: Configured> Engine<S> {
    /// Around a source that watches its interfaces already.
    ///
    /// # Errors
    /// The condition on frames is no expression.
    pub(super) fn new(source: S, config: &Config, outputs: &Arc<Outputs>) -> Result<Self> {
        Ok(Self {
            source,
            sensor: Sensor::new(config.settings.clone(), S::NAME),
            condition: S::condition(config)?,
            interfaces: config.interfaces.clone(),
            ports: config.settings.ports.clone(),
            watched: Vec::new(),
            follows: true,
            trouble: None,
            bypass: S::bypass(),
            claim: claim(config),
            taken: 0,
            progress: Progress::default(),
            exits: Exits {
                outputs: Arc::clone(outputs),
                traffic: Traffic::default(),
                settled: Vec::new(),
            },
        })
    }

    /// What of another configuration may be refused.
    ///
    /// # Errors
    /// An interface asked for by its name is not there; the condition on frames is no expression.
    pub(super) fn prepare(&self, config: &Config) -> Result<Condition> {
        interfaces::resolve(&config.interfaces)?;
        S::condition(config)
    }

    /// Goes by another configuration from now on, and loses nothing that is in flight. The outputs
    /// are not its business.
    ///
    /// # Errors
    /// The kernel refuses it, or no interface can be watched.
    pub(super) fn reconfigure(&mut self, config: &Config, condition: Condition) -> Result<()> {
        self.sensor.reconfigure(config.settings.clone());
        self.condition.replace(condition);
        self.interfaces = config.interfaces.clone();
        self.ports = config.settings.ports.clone();
        self.claim = claim(config);
        self.source.configure(config)?;
        match self.follow() {
            Err(error) if !self.source.is_watching() => Err(error),
            // One of several interfaces; the next tick says which, and tries again.
            _ => Ok(()),
        }
    }

    /// Waits until [`Engine::drain`] may have something to do.
    pub(super) async fn ready(&mut self) -> io::Result<()> {
        self.source.ready().await
    }

    /// Takes the frames that wait; not all of them when there are many. Gives whether some are left.
    pub(super) fn drain(&mut self) -> Result<bool> {
        let drained = self.take_turn();
        self.exits.outputs.flush();
        drained
    }

    fn take_turn(&mut self) -> Result<bool> {
        for _ in 0..TURN {
            let captured = self.source.next().context("the source failed")?;
            match captured {
                None => return Ok(false),
                Some(Captured::Interface { index, name }) => {
                    self.exits.traffic.name(index, &name);
                    self.sensor.name_interface(index, name);
                }
                Some(Captured::Frame(frame)) => {
                    self.taken += 1;
                    self.exits.traffic.frame(frame.interface);
                    if self.condition.admits(&frame) {
                        let exits = &mut self.exits;
                        self.sensor.frame(&frame, &mut |outcome| exits.take(outcome));
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
        let (now, exits) = (u64::try_from(now).unwrap_or(u64::MAX), &mut self.exits);
        self.sensor.advance(now, &mut |outcome| exits.take(outcome));
        self.exits.outputs.flush();
        self.settle();
        self.keep_following();
        if let Some(bypass) = &mut self.bypass {
            bypass.tick(&self.watched, &self.ports, &mut self.exits.traffic);
        }
    }

    /// Takes notice of interfaces that came, went or changed.
    pub(super) fn links_changed(&mut self, events: &[LinkEvent]) {
        let concerns = |event: &LinkEvent| match event {
            LinkEvent::Changed(there) => {
                self.interfaces.matches(&there.name) != self.watched.contains(there)
            }
            LinkEvent::Gone(index) => self.watched.iter().any(|known| known.index == *index),
            LinkEvent::Stripped(index) => self.source.is_stripped(*index),
            LinkEvent::Missed => true,
        };
        if self.trouble.is_none() && !events.iter().any(concerns) {
            return;
        }
        // What these had of us, they have no more.
        let bare = |known: &Interface| {
            let index = known.index;
            let returned =
                || capture::interfaces().is_ok_and(|all| all.iter().any(|one| one.index == index));
            events.contains(&LinkEvent::Gone(index)) && returned()
                || events.contains(&LinkEvent::Stripped(index)) && self.source.is_stripped(index)
        };
        let (bare, stay): (Vec<_>, Vec<_>) = self.watched.iter().cloned().partition(bare);
        if !bare.is_empty() {
            for Interface { name, .. } in &bare {
                tracing::warn!(
                    interface = &**name,
                    "the kernel program was taken away: attached once more"
                );
            }
            if let Err(error) = self.source.watch(&stay) {
                tracing::debug!(%error, "interfaces that stay");
            }
        }
        self.keep_following();
    }

    /// Follows the interfaces, and says once when that is not possible for all of them.
    fn keep_following(&mut self) {
        let followed = self.follow().map_err(|error| format!("{error:#}"));
        if followed.as_ref().err() != self.trouble.as_ref() {
            match &followed {
                Ok(()) => tracing::info!("all interfaces are watched again"),
                Err(error) => tracing::warn!(error, "not all interfaces can be watched"),
            }
        }
        self.trouble = followed.err();
    }

    /// Says what other agents watch of the same.
    pub(super) fn look_for_others(&self) {
        let there = capture::interfaces().unwrap_or_default();
        self.claim.compare(&there, &self.interfaces, &self.ports);
    }

    /// Lets the source say as much as the log takes.
    pub(super) fn heed_log_level(&mut self) {
        self.source.set_messages(tracing::enabled!(tracing::Level::DEBUG));
    }

    /// Whether interfaces that come from now on are watched.
    pub(super) fn set_follows(&mut self, follows: bool) {
        self.follows = follows;
    }

    fn follow(&mut self) -> Result<()> {
        let there = capture::interfaces().context("the interfaces cannot be listed")?;
        let mut wanted = interfaces::matching(&self.interfaces, there);
        if !self.follows && !self.watched.is_empty() {
            wanted.retain(|one| self.watched.iter().any(|known| known.index == one.index));
        }
        let watched = self.source.watch(&wanted);
        for interface in wanted.iter().filter(|one| !self.watched.contains(one)) {
            tracing::info!(interface = &*interface.name, index = interface.index, "watching");
        }
        for interface in self.watched.iter().filter(|one| !wanted.contains(one)) {
            tracing::info!(interface = &*interface.name, index = interface.index, "gone");
            self.exits.traffic.leave(interface.index);
        }
        self.watched = wanted;
        Ok(watched?)
    }

    /// Whether frames are being taken, if there are any; to be asked now and then.
    ///
    /// # Errors
    /// The source failed.
    pub(super) fn makes_progress(&mut self) -> Result<bool> {
        self.drain()?;
        Ok(match self.source.counters() {
            Ok(counters) => self.progress.look(counters.handed_up, self.taken),
            Err(_) => false,
        })
    }

    fn settle(&mut self) {
        for (source, destination, as_of_ns) in self.exits.settled.drain(..) {
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
        let exits = &mut self.exits;
        self.sensor.finish(&mut |outcome| exits.take(outcome));
        exits.outputs.flush();
    }

    /// The ledger from the kernel to the outputs.
    pub(super) fn ledger(&mut self) -> Ledger {
        let mut ledger = self.own_ledger();
        ledger::replace_outputs(&mut ledger, &self.exits.outputs.counts());
        ledger
    }

    /// Everything for the metrics, as of now.
    pub(super) fn snapshot(&mut self, ready: bool) -> Snapshot {
        Snapshot {
            made: Instant::now(),
            ready: ready && self.source.is_watching(),
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("JA4SENTINEL_COMMIT"),
            ebpf_object: env!("JA4SENTINEL_EBPF_OBJECT"),
            backend: S::NAME,
            ledger: self.own_ledger(),
            outputs: self.exits.outputs.counts(),
            interfaces: self.exits.traffic.counts(),
            ring: self.source.ring(),
        }
    }

    /// The stages before the outputs.
    fn own_ledger(&mut self) -> Ledger {
        let counters = self.source.counters().unwrap_or_else(|error| {
            tracing::warn!(%error, "the kernel's counters cannot be read");
            capture::Counters::default()
        });
        let stages = [ledger::kernel(counters)].into_iter().chain(self.condition.stage());
        let mut ledger = Ledger { stages: stages.collect() };
        ledger.merge(&self.sensor.ledger());
        ledger
    }
}

impl Exits {
    fn take(&mut self, outcome: Outcome<'_>) {
        match outcome {
            Outcome::Record(record) => {
                self.traffic.record(record);
                self.outputs.deliver(record);
            }
            Outcome::Settled { source, destination, as_of_ns } => {
                self.settled.push((source, destination, as_of_ns));
            }
        }
    }
}
