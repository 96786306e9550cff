//! Whether the kernel program is bypassed: it sees nothing of an interface's hellos, because a
//! program before it takes them away.
//!
//! An interface that receives packets, of which the kernel program hands up none, is suspected: most
//! likely nobody speaks TLS there. So it is looked at for a few seconds, ahead of traffic control.
//! Hellos of several clients that begin there while still nothing is handed up prove it. An idle host
//! is not looked at, and what is handed up is proof of the opposite, so that there is no false alarm;
//! one interface at a time is looked at, for a fifth of the time at most, so that it costs little.

use std::collections::BTreeMap;

use super::traffic::Traffic;
use crate::capture::{Interface, Tap, netlink};
use crate::sensor::PortSet;

/// Ticks without a look, behind each.
const REST: u32 = 10;
/// Ticks that a look takes. What it saw last is handed up in the one behind it, if it is at all.
const LOOK: u32 = 3;
/// Ticks without anything handed up, before an interface is looked at.
const SILENCE: u64 = 3;
/// Clients whose hellos must have been missed; one segment that is sent again proves nothing.
const PROOF: usize = 3;
/// Ticks after which the log is told once more of the same interface.
const REMINDER: u64 = 600;

/// Looks for interfaces of which nothing is seen.
pub(super) struct Bypass {
    tap: Tap,
    state: State,
    ticks: u64,
    known: BTreeMap<u32, Known>,
}

enum State {
    /// For so many ticks more.
    Rest(u32),
    /// At this interface, for so many ticks more.
    Look(u32, u32),
    /// So many clients sent their hellos to this interface; were they handed up?
    Judge(u32, usize),
}

/// What is known of an interface.
#[derive(Default)]
struct Known {
    /// Frames, and since when there are no more.
    handed_up: u64,
    silent_since: u64,
    /// Packets, when it was asked last.
    received: u64,
    /// When it was looked at last.
    looked: u64,
    /// Clients whose hellos were not handed up, since something was.
    missed: usize,
    /// When the log was told last.
    told: Option<u64>,
}

impl Bypass {
    /// Needs CAP_NET_RAW. `None` without.
    pub(super) fn new() -> Option<Self> {
        let tap = Tap::open().map_err(|error| {
            let error = error.to_string();
            tracing::info!(
                error,
                "no CAP_NET_RAW: should another program bypass ours, nobody says so"
            );
        });
        let (state, known) = (State::Rest(LOOK), BTreeMap::new());
        Some(Self { tap: tap.ok()?, state, ticks: 0, known })
    }

    /// Called with every tick.
    pub(super) fn tick(&mut self, watched: &[Interface], ports: &PortSet, traffic: &mut Traffic) {
        self.ticks += 1;
        self.known.retain(|index, _| watched.iter().any(|one| one.index == *index));
        for interface in watched {
            self.hear(interface, traffic);
        }
        self.state = match self.state {
            State::Rest(0) => self.begin(),
            State::Rest(left) => State::Rest(left - 1),
            State::Look(index, 0) => {
                self.tap.look_away();
                State::Judge(index, self.tap.clients(ports).len())
            }
            State::Look(index, left) => State::Look(index, left - 1),
            State::Judge(index, clients) => {
                if let Some(interface) = watched.iter().find(|one| one.index == index) {
                    self.judge(interface, clients, traffic);
                }
                State::Rest(REST)
            }
        };
    }

    /// What is handed up from an interface ends every suspicion.
    fn hear(&mut self, interface: &Interface, traffic: &mut Traffic) {
        let known = self.known.entry(interface.index).or_default();
        let handed_up = traffic.frames(interface.index);
        if handed_up == known.handed_up {
            return;
        }
        known.handed_up = handed_up;
        known.silent_since = self.ticks;
        known.missed = 0;
        if traffic.set_bypassed(interface.index, false) {
            tracing::info!(interface = &*interface.name, "hellos are seen again");
        }
    }

    /// Looks at one of the interfaces that received something since the last look and handed up
    /// nothing: the one that has waited longest.
    fn begin(&mut self) -> State {
        let mut suspect: Option<(u64, u32)> = None;
        for link in netlink::links().unwrap_or_default() {
            let Some(known) = self.known.get_mut(&link.index) else { continue };
            let is_busy = link.received > known.received;
            known.received = link.received;
            let is_silent = self.ticks - known.silent_since >= SILENCE;
            if is_busy && is_silent && suspect.is_none_or(|(looked, _)| known.looked < looked) {
                suspect = Some((known.looked, link.index));
            }
        }
        let Some((_, index)) = suspect else { return State::Rest(REST) };
        if let Some(known) = self.known.get_mut(&index) {
            known.looked = self.ticks;
        }
        match self.tap.look_at(index) {
            Ok(()) => State::Look(index, LOOK),
            Err(_) => State::Rest(REST),
        }
    }

    fn judge(&mut self, interface: &Interface, clients: usize, traffic: &mut Traffic) {
        let Some(known) = self.known.get_mut(&interface.index) else { return };
        if clients == 0 || known.silent_since >= known.looked {
            return;
        }
        known.missed += clients;
        if known.missed < PROOF {
            return;
        }
        traffic.set_bypassed(interface.index, true);
        if known.told.is_none_or(|told| self.ticks - told >= REMINDER) {
            known.told = Some(self.ticks);
            tracing::warn!(
                interface = &*interface.name,
                missed = known.missed,
                "hellos come in here, but the kernel program sees nothing: another program has the \
                 packets before and takes them away. `ja4sentinel doctor` and `bpftool net` name it"
            );
        }
    }
}
