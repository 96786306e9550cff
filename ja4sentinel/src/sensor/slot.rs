//! What the table holds of a connection: all of it while something is wanted, a few words afterwards.
//!
//! A server's table is full of connections that are over for the sensor, and each of their segments
//! is looked up in it. Small entries keep them in a core's cache.

use super::bench::Bench;
use super::connection::{Connection, is_in_window};
use super::facts::Facts;
use crate::flow::Class;
use crate::wire::{Segment, TcpFlags};

/// A connection's place in the table.
#[derive(Debug)]
pub(super) enum Slot {
    /// Something is wanted of it.
    Open(Box<Connection>),
    /// Nothing more is.
    Settled(Settled),
}

/// What tells a settled connection's segments from those of a new one between the same ends.
#[derive(Debug)]
pub(super) struct Settled {
    /// Sequence number of the stream's first byte that was not read.
    base: u32,
    /// Sequence number of its first byte.
    first: u32,
    /// Whether its SYN was seen.
    has_syn: bool,
    /// Whether the client has closed or reset.
    closed: bool,
    /// Whether the source was told that nothing more is wanted.
    told: bool,
}

impl Slot {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Open(connection) => connection.class(),
            Self::Settled(settled) if settled.closed => Class::Closed,
            Self::Settled(_) => Class::Done,
        }
    }

    pub(super) fn open(&mut self) -> Option<&mut Connection> {
        match self {
            Self::Open(connection) => Some(connection),
            Self::Settled(_) => None,
        }
    }

    /// Keeps of a settled connection what is needed.
    pub(super) fn shrink(&mut self) {
        if let Self::Open(connection) = self
            && connection.is_settled()
        {
            *self = Self::Settled(Settled {
                base: connection.base,
                first: connection.facts.base,
                has_syn: connection.has_syn(),
                closed: connection.closed,
                // Behind a client's last word nothing comes as a rule that the source could leave out.
                told: !connection.closed,
            });
        }
    }
}

impl Settled {
    pub(super) fn has_syn(&self) -> bool {
        self.has_syn
    }

    /// As [`Connection::is_in_window`].
    pub(super) fn is_in_window(&self, sequence: u32, bench: &Bench) -> bool {
        is_in_window(self.base, sequence, self.closed, bench)
    }

    /// As [`Connection::is_opened_by`].
    pub(super) fn is_opened_by(&self, syn: &Facts) -> bool {
        self.first == syn.base
    }

    /// Whether the source is told what settles the connection as soon as that happens.
    pub(super) fn is_told(&self) -> bool {
        self.told
    }

    /// Something came nevertheless. Gives whether the source is to be told.
    pub(super) fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.told, true)
    }

    /// Notes that it is closed, so that its ends may be used again. Gives whether that is new.
    pub(super) fn note_end(&mut self, segment: &Segment<'_>) -> bool {
        let ends = segment.flags.any(TcpFlags::FIN | TcpFlags::RST);
        ends && !std::mem::replace(&mut self.closed, true)
    }
}
