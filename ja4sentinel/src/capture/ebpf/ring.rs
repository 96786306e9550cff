//! The ring buffer's records, as frames.

use std::collections::VecDeque;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use aya::maps::{MapData, RingBuf};
use ja4sentinel_common::{Head, SYN_ROOM};

use super::clock::Clock;
use super::gauge::Gauge;
use crate::capture::{Captured, Interface};
use crate::wire::{Frame, LinkType, VlanTag};

/// The reading end.
pub(super) struct Ring {
    ring: RingBuf<MapData>,
    gauge: Gauge,
    clock: Clock,
    /// Interfaces that are yet to be announced.
    news: VecDeque<Interface>,
    /// The record that is being read, out of the ring so that its place there is free again.
    record: Vec<u8>,
    /// How much of it was read.
    at: usize,
    /// Whether nothing was there when it was last looked for.
    drained: bool,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Ring {
    pub(super) fn new(ring: RingBuf<MapData>) -> io::Result<Self> {
        Ok(Self {
            gauge: Gauge::new(ring.as_fd())?,
            ring,
            clock: Clock::new(),
            news: VecDeque::new(),
            record: Vec::new(),
            at: 0,
            drained: false,
        })
    }

    /// Bytes that wait in the ring.
    pub(super) fn waiting(&self) -> u64 {
        self.gauge.waiting()
    }

    /// A descriptor that becomes readable when a record comes.
    pub(super) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.ring.as_fd().try_clone_to_owned()
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
    pub(super) fn next(&mut self) -> Option<Captured<'_>> {
        if let Some(Interface { index, name }) = self.news.pop_front() {
            return Some(Captured::Interface { index, name: Arc::clone(&name) });
        }
        if self.at >= self.record.len() {
            let item = self.ring.next();
            self.drained = item.is_none();
            let item = item?;
            self.record.clear();
            self.record.extend_from_slice(&item);
            self.at = 0;
        }
        let rest = self.record.get(self.at..).unwrap_or_default();
        let Some((head, bytes, behind)) = piece(rest) else {
            // Not a record of our program's making; it cannot be.
            self.at = self.record.len();
            return None;
        };
        self.at = self.record.len() - behind.len();
        let raw = head.flags & Head::RAW != 0;
        Some(Captured::Frame(Frame {
            timestamp_ns: self.clock.wall(head.time_ns),
            interface: head.interface,
            link: if raw { LinkType::RAW } else { LinkType::ETHERNET },
            vlan: (head.flags & Head::TAGGED != 0).then_some(VlanTag { tci: head.tci }),
            bytes,
            original_len: head.original_len,
            skipped_payload: head.skipped,
            unverified: head.flags & Head::UNVERIFIED != 0,
        }))
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
