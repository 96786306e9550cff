//! Rotation of a file by this program itself.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::SystemTime;

use flate2::Compression as Level;
use flate2::write::GzEncoder;

use super::super::place;
use super::super::settings::{Compression, Rotation};

/// Moves `path` to `path.1`, `path.1` to `path.2` and so on, and compresses in the background.
pub(super) struct Rotator {
    path: PathBuf,
    rotation: Rotation,
    compressing: Option<JoinHandle<()>>,
    /// The last attempt failed, and was logged.
    failed: bool,
}

impl Rotator {
    pub(super) fn new(path: &Path, rotation: &Rotation) -> Self {
        let (path, rotation) = (path.to_owned(), rotation.clone());
        Self { path, rotation, compressing: None, failed: false }
    }

    /// How many bytes a file of this size and age may still take; 0 when it is to be rotated
    /// before a line of this length.
    pub(super) fn room(&self, size: u64, begun: SystemTime, line: usize) -> usize {
        let old = self.rotation.age.is_some_and(|age| begun.elapsed().is_ok_and(|is| is >= age));
        let left = self.rotation.size.map_or(u64::MAX, |limit| limit.saturating_sub(size));
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if size > 0 && (old || left < line) { 0 } else { left.max(line) }
    }

    /// Rotates; says whether the path is free now. A failure is logged when it is the first in a
    /// row, and the file just grows on.
    pub(super) fn rotate(&mut self) -> bool {
        if let Some(thread) = self.compressing.take() {
            let _ = thread.join(); // the one before still works on `path.1`
        }
        match self.shift() {
            Ok(()) => {
                self.failed = false;
                let compression = self.rotation.compression;
                if compression != Compression::None {
                    let newest = self.numbered(1, "");
                    self.compressing = std::thread::Builder::new()
                        .name("compress".to_owned())
                        .spawn(move || compress_or_log(&newest, compression))
                        .ok();
                }
                true
            }
            Err(error) => {
                if !self.failed {
                    tracing::warn!(path = %self.path.display(), %error, "cannot rotate the file");
                }
                self.failed = true;
                false
            }
        }
    }

    fn shift(&self) -> io::Result<()> {
        for number in (1..=self.rotation.keep).rev() {
            // Files of an earlier configuration too.
            for suffix in Compression::ALL.map(Compression::suffix) {
                let from = self.numbered(number, suffix);
                let result = if number == self.rotation.keep {
                    fs::remove_file(from)
                } else {
                    fs::rename(from, self.numbered(number + 1, suffix))
                };
                result.or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })?;
            }
        }
        fs::rename(&self.path, self.numbered(1, ""))
    }

    fn numbered(&self, number: u32, suffix: &str) -> PathBuf {
        append(&self.path, &format!(".{number}{suffix}"))
    }
}

impl Drop for Rotator {
    fn drop(&mut self) {
        if let Some(thread) = self.compressing.take() {
            let _ = thread.join();
        }
    }
}

fn append(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

fn compress_or_log(path: &Path, compression: Compression) {
    if let Err(error) = compress(path, compression) {
        tracing::warn!(path = %path.display(), %error, "cannot compress the file, it stays as it is");
    }
}

/// Compresses `path` to a file with the suffix, by way of a temporary name, and removes it.
fn compress(path: &Path, compression: Compression) -> io::Result<()> {
    let compressed = append(path, compression.suffix());
    let temporary = append(&compressed, ".tmp");
    let result = (|| {
        let mut from = place::open(OpenOptions::new().read(true), path)?;
        // One that a killed process left is not written on to, nor one that another put there.
        let _ = fs::remove_file(&temporary);
        let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        to.set_permissions(from.metadata()?.permissions())?;
        let to = match compression {
            Compression::None => to,
            Compression::Gzip => {
                let mut encoder = GzEncoder::new(to, Level::default());
                io::copy(&mut from, &mut encoder)?;
                encoder.finish()?
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(to, zstd::DEFAULT_COMPRESSION_LEVEL)?;
                io::copy(&mut from, &mut encoder)?;
                encoder.finish()?
            }
        };
        to.sync_data()?;
        fs::rename(&temporary, compressed)?;
        fs::remove_file(path)
    })();
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::{FileConfig, FileSink, Sink};
    use super::*;
    use std::fs::File;
    use std::io::Read as _;
    use std::time::Duration;

    fn sink(path: &Path, rotation: Rotation) -> FileSink {
        FileSink::new(&FileConfig { rotation, ..FileConfig::new(path.to_owned()) })
    }

    fn read(path: &Path) -> Option<String> {
        fs::read_to_string(path).ok()
    }

    #[test]
    fn by_size_no_line_is_split_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let rotation = Rotation { size: Some(8), keep: 2, ..Rotation::default() };
        let mut sink = sink(&path, rotation);
        let mut lines = &b"l1\nl2\nl3\nl4\nl5\nl6\nl7\n"[..];
        while !lines.is_empty() {
            let taken = sink.write(lines).unwrap();
            lines = &lines[taken..];
        }
        assert_eq!(read(&path).unwrap(), "l7\n");
        assert_eq!(read(&append(&path, ".1")).unwrap(), "l5\nl6\n");
        assert_eq!(read(&append(&path, ".2")).unwrap(), "l3\nl4\n");
        assert_eq!(read(&append(&path, ".3")), None);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut sink = sink(&path, Rotation { size: Some(4), ..Rotation::default() });
        assert_eq!(sink.write(b"long line\nx\n").unwrap(), 10);
        assert_eq!(sink.write(b"x\n").unwrap(), 2);
        assert_eq!(read(&append(&path, ".1")).unwrap(), "long line\n");
        assert_eq!(read(&path).unwrap(), "x\n");
    }

    #[test]
    fn by_age() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let age = Duration::from_millis(30);
        let mut sink = sink(&path, Rotation { age: Some(age), ..Rotation::default() });
        sink.write(b"old\n").unwrap();
        std::thread::sleep(age * 2);
        sink.write(b"new\n").unwrap();
        assert_eq!(read(&append(&path, ".1")).unwrap(), "old\n");
        assert_eq!(read(&path).unwrap(), "new\n");
    }

    #[test]
    fn compressed_files_are_shifted_and_hold_the_same_lines() {
        for compression in [Compression::Gzip, Compression::Zstd] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a");
            let rotation = Rotation { size: Some(2), compression, ..Rotation::default() };
            let mut sink = sink(&path, rotation);
            for line in [b"1\n", b"2\n", b"3\n"] {
                sink.write(line).unwrap();
            }
            drop(sink);
            for (number, line) in [(1, "2\n"), (2, "1\n")] {
                let plain = append(&path, &format!(".{number}"));
                let file = File::open(append(&plain, compression.suffix())).unwrap();
                let mut text = String::new();
                match compression {
                    Compression::Zstd => {
                        zstd::Decoder::new(file).unwrap().read_to_string(&mut text)
                    }
                    _ => flate2::read::GzDecoder::new(file).read_to_string(&mut text),
                }
                .unwrap();
                assert_eq!(text, line);
                assert!(!plain.exists());
            }
        }
    }

    #[test]
    fn what_cannot_be_rotated_grows_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::create_dir(append(&path, ".1")).unwrap();
        fs::write(append(&path, ".1").join("x"), "").unwrap();
        let rotation = Rotation { size: Some(2), keep: 1, ..Rotation::default() };
        let mut sink = sink(&path, rotation);
        for line in [b"1\n", b"2\n"] {
            assert_eq!(sink.write(line).unwrap(), 2);
        }
        assert_eq!(read(&path).unwrap(), "1\n2\n");
    }
}
