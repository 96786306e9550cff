//! The ring buffer's reading end: one record after another, where it lies.
//!
//! The protocol is that of `kernel/bpf/ringbuf.c`: the kernel appends, the reader says how far it has
//! come, and the kernel wakes it when it adds a record right there.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

use aya::maps::MapData;

use super::mapping::{Access, Mapping};

/// Bytes of records that are mapped at a time. All of a large ring would count as memory of this
/// process, and twice, since its records lie twice in a row.
const WINDOW: usize = 1 << 20;
/// Bytes of the header before each record, to whose multiple records are padded.
const HEADER: usize = 8;
/// Bits of the header's first word, the others being the length.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// The reader says how far it has come after this part of the ring: else each record would cost two
/// CPUs a cache line.
const PART: usize = 64;

/// Bytes behind a record that are fetched while it is dealt with: most records are no longer.
const AHEAD: usize = 1024;

/// The records of a ring buffer.
#[derive(Debug)]
pub(super) struct Records {
    map: MapData,
    reader: Mapping,
    writer: Mapping,
    /// Bytes of the ring, a power of two.
    size: usize,
    page: usize,
    window: Mapping,
    /// Where the window begins, bytes behind the first record's place.
    window_at: usize,
    /// Position of the next record: bytes since the beginning of time, as the kernel counts.
    at: usize,
    /// How far the kernel knows us to be.
    told: usize,
    /// The present record's place in the window.
    record: std::ops::Range<usize>,
    /// Bytes that it takes in the ring.
    held: usize,
    quiet: bool,
}

impl Records {
    pub(super) fn new(map: MapData) -> io::Result<Self> {
        let size = map.info().map_err(io::Error::other)?.max_entries();
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let fd = map.fd().as_fd();
        // SAFETY: takes no pointers.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) });
        let page = page.map_err(io::Error::other)?;
        let reader = Mapping::new(fd, 0, page, Access::Write)?;
        let at = reader.position().load(Ordering::Acquire);
        Ok(Self {
            writer: Mapping::new(fd, page, page, Access::Read)?,
            window: Mapping::new(fd, 2 * page, WINDOW.min(2 * size), Access::Read)?,
            window_at: 0,
            reader,
            map,
            size,
            page,
            at,
            told: at,
            record: 0..0,
            held: 0,
            quiet: false,
        })
    }

    /// The descriptor that becomes readable when the kernel wakes the reader.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.map.fd().as_fd()
    }

    /// Bytes that wait, with what the kernel puts before each record.
    pub(super) fn waiting(&self) -> u64 {
        let end = self.writer.position().load(Ordering::Acquire);
        end.wrapping_sub(self.at.wrapping_add(self.held)) as u64
    }

    /// Whether the kernel shall wake nobody, as the reader comes back by itself. Gives whether that is a
    /// change: there may be records already of which it told nobody.
    pub(super) fn set_quiet(&mut self, quiet: bool) -> bool {
        std::mem::replace(&mut self.quiet, quiet) != quiet
    }

    /// Goes on to the next record. `false` when there is none: then the kernel knows that we have
    /// come to the end, and wakes us at the next one, unless it shall be quiet.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.at = self.at.wrapping_add(std::mem::take(&mut self.held));
        self.record = 0..0;
        if self.at.wrapping_sub(self.told) >= self.size / PART {
            self.tell();
        }
        loop {
            match self.look()? {
                Some(word) if word & DISCARDED == 0 => {
                    let start = self.place() + HEADER;
                    self.record = start..start + length(word);
                    self.held = room(word);
                    self.window.prefetch(self.place() + self.held, AHEAD);
                    return Ok(true);
                }
                Some(word) => self.at = self.at.wrapping_add(room(word)),
                None if self.quiet || self.told == self.at => return Ok(false),
                // Told first and looked once more afterwards, so that no wake-up gets lost.
                None => self.tell(),
            }
        }
    }

    /// The present record; nothing when there is none.
    pub(super) fn record(&self) -> &[u8] {
        let (at, len) = (self.record.start, self.record.len());
        // SAFETY: the kernel leaves a finished record alone until it is told that we are behind it,
        // for which `advance` has to borrow this anew.
        unsafe { self.window.bytes(at, len) }.unwrap_or_default()
    }

    /// Where the next record begins, in the window.
    fn place(&self) -> usize {
        (self.at & (self.size - 1)).wrapping_sub(self.window_at)
    }

    /// The header of the next record, which is wholly in the window then; `None` when there is none
    /// that is finished.
    fn look(&mut self) -> io::Result<Option<u32>> {
        if self.writer.position().load(Ordering::SeqCst) == self.at {
            return Ok(None);
        }
        let word = match self.load() {
            Some(word) => word,
            None => {
                self.move_window()?;
                self.load().ok_or_else(torn)?
            }
        };
        if word & BUSY != 0 {
            return Ok(None);
        }
        if self.window.header(self.place() + room(word) - HEADER).is_none() {
            self.move_window()?;
            self.window.header(self.place() + room(word) - HEADER).ok_or_else(torn)?;
        }
        Ok(Some(word))
    }

    fn load(&self) -> Option<u32> {
        Some(self.window.header(self.place())?.load(Ordering::Acquire))
    }

    /// Moves the window to the next record.
    fn move_window(&mut self) -> io::Result<()> {
        let at = self.at & (self.size - 1) & !(self.page - 1);
        let len = WINDOW.min(2 * self.size - at);
        let offset = 2 * self.page + at;
        self.window = Mapping::new(self.map.fd().as_fd(), offset, len, Access::Read)?;
        self.window_at = at;
        Ok(())
    }

    /// Tells the kernel how far we have come: the room before that is its own again.
    fn tell(&mut self) {
        self.reader.position().store(self.at, Ordering::SeqCst);
        self.told = self.at;
    }
}

/// Bytes of the record with this header.
fn length(word: u32) -> usize {
    (word & !(BUSY | DISCARDED)) as usize
}

/// The same with its header and padding.
fn room(word: u32) -> usize {
    (HEADER + length(word)).next_multiple_of(HEADER)
}

/// A record beyond the longest that our program writes.
fn torn() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a record of the ring buffer is longer than any")
}
