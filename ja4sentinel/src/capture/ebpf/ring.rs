//! The ring buffer's records, as frames.

use std::collections::VecDeque;
use std::io;
use std::mem::size_of;
use std::os::fd::OwnedFd;

use aya::maps::MapData;
use ja4sentinel_common::{Head, SYN_ROOM};

use super::clock::Clock;
use super::records::Records;
use crate::capture::{Captured, Interface};
use crate::wire::{Frame, LinkType, VlanTag};

/// The reading end.
pub(super) struct Ring {
    records: Records,
    clock: Clock,
    /// Interfaces that are yet to be announced.
    news: VecDeque<Interface>,
    /// How much of the present record was read.
    at: usize,
    /// Records so far.
    taken: u64,
    /// Whether nothing was there when it was last looked for.
    drained: bool,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Ring {
    pub(super) fn new(map: MapData) -> io::Result<Self> {
        Ok(Self {
            records: Records::new(map)?,
            clock: Clock::new(),
            news: VecDeque::new(),
            at: 0,
            taken: 0,
            drained: false,
        })
    }

    /// Bytes that wait in the ring.
    pub(super) fn waiting(&self) -> u64 {
        self.records.waiting()
    }

    /// Records that were taken from it so far.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// See [`Records::set_quiet`]. Gives whether that is a change, after which it is not known whether the
    /// ring is drained.
    pub(super) fn set_quiet(&mut self, quiet: bool) -> bool {
        let changed = self.records.set_quiet(quiet);
        self.drained &= !changed;
        changed
    }

    /// A descriptor that becomes readable when a record comes.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.records.descriptor().try_clone_to_owned()
    }

    /// Whether the last call of [`Ring::next`] gave nothing, and no name waits.
    pub(super) fn is_drained(&self) -> bool {
        self.drained && self.news.is_empty()
    }

    /// Says an interface's name before what comes from it.
    pub(super) fn announce(&mut self, interface: &Interface) {
        self.news.push_back(interface.clone());
    }

    /// The time since boot of a wall-clock time that a frame of this ring had.
    pub(super) fn boot_time(&self, wall_ns: u64) -> u64 {
        self.clock.boot(wall_ns)
    }

    /// The next frame or name, if there is one.
    pub(super) fn next(&mut self) -> io::Result<Option<Captured<'_>>> {
        if let Some(Interface { index, name }) = self.news.pop_front() {
            return Ok(Some(Captured::Interface { index, name }));
        }
        if self.at >= self.records.record().len() {
            self.drained = !self.records.advance()?;
            self.at = 0;
            if self.drained {
                return Ok(None);
            }
            self.taken += 1;
        }
        let record = self.records.record();
        let rest = record.get(self.at..).unwrap_or_default();
        let Some((head, bytes, behind)) = piece(rest) else {
            // Not a record of our program's making; it cannot be.
            self.at = record.len();
            return Ok(None);
        };
        self.at = record.len() - behind.len();
        let raw = head.flags & Head::RAW != 0;
        Ok(Some(Captured::Frame(Frame {
            timestamp_ns: self.clock.wall(head.time_ns),
            interface: head.interface,
            link: if raw { LinkType::RAW } else { LinkType::ETHERNET },
            vlan: (head.flags & Head::TAGGED != 0).then_some(VlanTag { tci: head.tci }),
            bytes,
            original_len: head.original_len,
            skipped_payload: head.skipped,
            unverified: head.flags & Head::UNVERIFIED != 0,
        })))
    }
}

/// The first frame of a record, and what is behind it.
fn piece(record: &[u8]) -> Option<(Head, &[u8], &[u8])> {
    let (head, rest) = record.split_at_checked(size_of::<Head>())?;
    // SAFETY: as many bytes are there, and every bit pattern is a `Head`.
    let head = unsafe { head.as_ptr().cast::<Head>().read_unaligned() };
    let captured = usize::try_from(head.captured).ok()?;
    let room = if head.flags & Head::SYN != 0 { SYN_ROOM } else { captured };
    let (room, behind) = rest.split_at_checked(room)?;
    Some((head, room.get(..captured)?, behind))
}
