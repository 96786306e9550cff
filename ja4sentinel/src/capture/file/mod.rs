//! Capture files: pcap and pcapng in either byte order, plain or compressed by gzip.
//!
//! No length in a file is trusted: it is judged before memory is taken for it, and the fault names
//! its place. Everything before a fault is delivered.

mod blocks;
mod clock;
mod error;
mod legacy;
mod pcapng;
#[cfg(test)]
mod tests;
mod window;

use std::fs::File;
use std::io::{self, BufReader, Cursor, ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

pub use blocks::{Block, Blocks};
pub use error::{Fault, FileError};

use self::legacy::Legacy;
use self::pcapng::Pcapng;
use self::window::Window;
use super::{Captured, Source};

/// Longest packet or block. libpcap captures 256 KiB of a frame at most; a block has options, too.
pub const MAX_PACKET: usize = 16 * 1024 * 1024;

/// Decompressed bytes asked for at once. What a decompressor has at hand when it meets a fault is
/// lost, so it is not asked for much.
const GZIP_PIECE: usize = 8 * 1024;

/// An open capture file.
pub struct CaptureFile {
    name: String,
    window: Window,
    format: Format,
    size: Option<u64>,
    bytes_read: Arc<AtomicU64>,
}

enum Format {
    Legacy(Legacy),
    Pcapng(Box<Pcapng>),
}

impl CaptureFile {
    /// Opens the file at `path`; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be opened, or is no capture.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let standard_input = path.as_os_str() == "-";
        let opened = if standard_input {
            // Not through std's buffer, which is smaller than ours.
            io::stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let name =
            if standard_input { "standard input".to_owned() } else { path.display().to_string() };
        match opened {
            Ok(file) => {
                let size = file.metadata().ok().filter(|m| m.is_file()).map(|m| m.len());
                Self::from_reader(name, size, file)
            }
            Err(error) => Err(FileError { file: name, fault: Fault::Open(error) }),
        }
    }

    /// Reads a capture from `input`; `name` is what faults call it, `size` its length if known.
    ///
    /// # Errors
    /// It is no capture.
    pub fn from_reader(
        name: String,
        size: Option<u64>,
        input: impl Read + Send + 'static,
    ) -> Result<Self, FileError> {
        let bytes_read = Arc::default();
        let mut input = Counted { input, bytes: Arc::clone(&bytes_read) };
        let begun = decompressed(&mut input).and_then(|(magic, gzip)| {
            let whole = Cursor::new(magic).chain(input);
            let mut window = if gzip {
                let decoder = MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, whole));
                Window::new(Box::new(decoder), GZIP_PIECE)
            } else {
                Window::new(Box::new(whole), usize::MAX / 2)
            };
            Format::recognise(&mut window).map(|format| (window, format))
        });
        match begun {
            Ok((window, format)) => Ok(Self { name, window, format, size, bytes_read }),
            Err(fault) => Err(FileError { file: name, fault }),
        }
    }

    /// Length of the file as it lies on disk, if that is known.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Bytes read so far of the file as it lies on disk.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }
}

impl Source for CaptureFile {
    type Error = FileError;

    #[inline]
    fn next(&mut self) -> Result<Option<Captured<'_>>, FileError> {
        let fault = match &mut self.format {
            Format::Legacy(legacy) => match legacy.next(&mut self.window) {
                Ok(Some(record)) => {
                    let frame = legacy.frame(&record, &mut self.window);
                    return Ok(Some(Captured::Frame(frame)));
                }
                Ok(None) => return Ok(None),
                Err(fault) => fault,
            },
            Format::Pcapng(pcapng) => match pcapng.next(&mut self.window) {
                Ok(captured) => return Ok(captured),
                Err(fault) => fault,
            },
        };
        Err(FileError { file: self.name.clone(), fault })
    }
}

impl Format {
    fn recognise(window: &mut Window) -> Result<Self, Fault> {
        let head = window.peek(12);
        let head = head.get(..12).unwrap_or(head);
        if Legacy::recognises(head) {
            return Legacy::open(window).map(Self::Legacy);
        }
        if Pcapng::recognises(head) {
            return Ok(Self::Pcapng(Box::default()));
        }
        let found = error::describe(head);
        match window.fault() {
            Some(source) => Err(Fault::Read { offset: 0, source }),
            None => Err(Fault::NotACapture { found }),
        }
    }
}

/// Reads the first two bytes; true when they announce gzip.
fn decompressed(input: &mut impl Read) -> Result<(Vec<u8>, bool), Fault> {
    let mut magic = Vec::with_capacity(2);
    input.take(2).read_to_end(&mut magic).map_err(|source| Fault::Read { offset: 0, source })?;
    let gzip = magic == [0x1f, 0x8b];
    Ok((magic, gzip))
}

/// The input ended where `wanted` bytes were to be: nothing is wrong when none is left.
fn end_or_short<T>(
    window: &mut Window,
    wanted: u64,
    what: &'static str,
) -> Result<Option<T>, Fault> {
    if window.at_end() { Ok(None) } else { Err(short(window, wanted, what)) }
}

/// The fault of a thing that begins at the window's position and wants more than is left.
fn short(window: &mut Window, wanted: u64, what: &'static str) -> Fault {
    let begin = window.offset();
    short_since(window, begin, wanted, what)
}

/// The same for a thing that began before.
fn short_since(window: &mut Window, begin: u64, wanted: u64, what: &'static str) -> Fault {
    let end = window.offset() + window.peek(0).len() as u64;
    match window.fault() {
        // UnexpectedEof is the decompressor's word for a file that was cut off.
        Some(source) if source.kind() != ErrorKind::UnexpectedEof => {
            Fault::Read { offset: end, source }
        }
        _ => Fault::Cut { end, begin, wanted, what },
    }
}

/// Counts what is read.
struct Counted<R> {
    input: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
