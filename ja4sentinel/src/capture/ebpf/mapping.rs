//! Memory that a ring buffer's map shares with us.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicUsize};

/// Some pages of the map. They begin with the reader's position and the writer's, a page each; the
/// records follow, twice in a row, so that none is ever cut in two (`kernel/bpf/ringbuf.c`).
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

/// What may be done with a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

// SAFETY: the memory belongs to no thread. It is written to by atomic stores alone, and read by
// atomic loads or where the kernel does not write.
unsafe impl Send for Mapping {}
// SAFETY: likewise.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes from `offset` on, both whole pages.
    pub(super) fn new(
        map: BorrowedFd<'_>,
        offset: usize,
        len: usize,
        access: Access,
    ) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::Write => libc::PROT_READ | libc::PROT_WRITE,
        };
        let (anywhere, map) = (std::ptr::null_mut(), map.as_raw_fd());
        // SAFETY: a new mapping, which touches no memory of ours.
        let start = unsafe { libc::mmap(anywhere, len, protection, libc::MAP_SHARED, map, offset) };
        match NonNull::new(start) {
            Some(start) if start.as_ptr() != libc::MAP_FAILED => {
                Ok(Self { start: start.cast(), len })
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The position that stands at the beginning of one of the first two pages.
    pub(super) fn position(&self) -> &AtomicUsize {
        // SAFETY: pages are mapped as long as this lives; they begin at a multiple of the word's size.
        unsafe { self.start.cast().as_ref() }
    }

    /// The header word of the record at `at`, if it is in here.
    pub(super) fn header(&self, at: usize) -> Option<&AtomicU32> {
        let fits = at.is_multiple_of(8) && at.checked_add(8)? <= self.len;
        // SAFETY: it lies within the mapping, at a multiple of its size.
        fits.then(|| unsafe { self.start.add(at).cast().as_ref() })
    }

    /// Bytes from `at` on, if they are all in here.
    ///
    /// # Safety
    /// The kernel writes nothing there meanwhile.
    pub(super) unsafe fn bytes(&self, at: usize, len: usize) -> Option<&[u8]> {
        let fits = at.checked_add(len)? <= self.len;
        // SAFETY: they lie within the mapping, and the caller says that nobody writes to them.
        fits.then(|| unsafe { std::slice::from_raw_parts(self.start.add(at).as_ptr(), len) })
    }

    /// Lets this CPU fetch what it will read soon and another one wrote, where Rust has a way to say so.
    pub(super) fn prefetch(&self, at: usize, len: usize) {
        const LINE: usize = 64;
        let end = at.saturating_add(len).min(self.len);
        for line in (at..end).step_by(LINE) {
            // SAFETY: it lies within the mapping.
            let line = unsafe { self.start.add(line) };
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a hint alone, to which any address will do.
            unsafe {
                use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
                _mm_prefetch(line.as_ptr().cast(), _MM_HINT_T0);
            }
            #[cfg(not(target_arch = "x86_64"))]
            let _ = line;
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this mapping is ours, and nobody refers to it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
