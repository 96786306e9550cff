//! How full the ring buffer is.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reads the two positions that the kernel and the reader share. They have a page each, the
/// reader's first (`kernel/bpf/ringbuf.c`).
#[derive(Debug)]
pub(super) struct Gauge {
    reader: Page,
    writer: Page,
}

impl Gauge {
    pub(super) fn new(ring: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self { reader: Page::map(ring, 0)?, writer: Page::map(ring, 1)? })
    }

    /// Bytes that wait, with what the kernel puts before each record.
    pub(super) fn waiting(&self) -> u64 {
        // The reader's first: the other is never behind it, and neither goes back.
        let reader = self.reader.position();
        self.writer.position().wrapping_sub(reader) as u64
    }
}

/// One page of a ring buffer, mapped to be read.
#[derive(Debug)]
struct Page {
    start: NonNull<AtomicUsize>,
    size: usize,
}

// SAFETY: the page is only ever read, and atomically.
unsafe impl Send for Page {}
// SAFETY: likewise.
unsafe impl Sync for Page {}

impl Page {
    fn map(ring: BorrowedFd<'_>, number: usize) -> io::Result<Self> {
        // SAFETY: takes no pointers.
        let size = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) });
        let size = size.map_err(io::Error::other)?;
        let offset = libc::off_t::try_from(number * size).map_err(io::Error::other)?;
        let (anywhere, descriptor) = (std::ptr::null_mut(), ring.as_raw_fd());
        // SAFETY: a new mapping, which touches no memory of ours.
        let start = unsafe {
            libc::mmap(anywhere, size, libc::PROT_READ, libc::MAP_SHARED, descriptor, offset)
        };
        match NonNull::new(start) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED => {
                Ok(Self { start: start.cast(), size })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn position(&self) -> usize {
        // SAFETY: the page is mapped as long as this lives, and begins with one machine word.
        unsafe { self.start.as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: this mapping is ours, and nobody refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
    }
}
