//! A queue on disk, for lines that wait while a reader is away.
//!
//! A directory of segments, numbered upward, and a file `position` that says how far the first one
//! was read. Lines are appended to the last segment and read from the first, which is removed when
//! it is done with, so that space comes free bit by bit. After a crash of the program at most the
//! batch that was on its way is sent twice; a crash of the host may lose what the kernel had not
//! yet written.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;

use super::place;
use super::settings::SpoolConfig;

/// Segments that a spool is divided into.
const SEGMENTS: u64 = 8;

/// Name of the file that says how far the first segment was read.
const POSITION: &str = "position";

/// An open spool; a second one on the same directory is refused.
pub(super) struct Spool {
    config: SpoolConfig,
    /// First to last.
    segments: VecDeque<Segment>,
    /// How far the first segment was read, bytes.
    read: u64,
    /// Locked as long as the spool is open.
    position: File,
}

struct Segment {
    number: u64,
    file: File,
    size: u64,
}

impl Spool {
    /// Opens the spool, made when missing, and takes up what an earlier run left in it.
    pub(super) fn open(config: &SpoolConfig) -> io::Result<Self> {
        let directory = &config.directory;
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let position = place::open(&mut options(), &directory.join(POSITION))?;
        position.try_lock().map_err(|_| {
            io::Error::new(io::ErrorKind::ResourceBusy, "another output uses this spool")
        })?;
        let mut numbers: Vec<u64> = fs::read_dir(directory)?
            .filter_map(|entry| number(entry.ok()?.file_name().to_str()?))
            .collect();
        numbers.sort_unstable();
        let mut spool =
            Self { config: config.clone(), segments: VecDeque::new(), read: 0, position };
        for number in numbers {
            let segment = spool.open_segment(number)?;
            spool.segments.push_back(segment);
        }
        spool.restore_position();
        spool.consume(0)?;
        Ok(spool)
    }

    /// Lines that wait, counted by reading through all of them.
    pub(super) fn count_lines(&self) -> io::Result<u64> {
        let mut lines = 0;
        let mut offset = self.read;
        for segment in &self.segments {
            let mut buffer = vec![0; 64 * 1024];
            while offset < segment.size {
                let length = segment.file.read_at(&mut buffer, offset)?.max(1);
                let bytes = buffer.get(..length).unwrap_or_default();
                lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
                offset += length as u64;
            }
            offset = 0;
        }
        Ok(lines)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Bytes that there is still room for.
    pub(super) fn room(&self) -> u64 {
        let held: u64 = self.segments.iter().map(|segment| segment.size).sum();
        self.config.size.saturating_sub(held)
    }

    /// Appends whole lines; all of them or, on error, none.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let full = self.config.size / SEGMENTS;
        if self.segments.back().is_none_or(|last| last.size >= full) {
            let number = self.segments.back().map_or(1, |last| last.number + 1);
            let segment = self.open_segment(number)?;
            self.segments.push_back(segment);
        }
        let Some(last) = self.segments.back_mut() else { return Ok(()) };
        if let Err(error) = last.file.write_all(lines) {
            last.file.set_len(last.size)?; // takes back what a full disk cut off
            return Err(error);
        }
        last.size += lines.len() as u64;
        Ok(())
    }

    /// The next whole lines, about `limit` bytes of them and at least one, without taking them
    /// away.
    pub(super) fn front(&self, limit: usize) -> io::Result<Vec<u8>> {
        let Some(first) = self.segments.front() else { return Ok(Vec::new()) };
        let left = usize::try_from(first.size - self.read).unwrap_or(usize::MAX);
        let mut length = limit.min(left);
        loop {
            let mut lines = vec![0; length];
            first.file.read_exact_at(&mut lines, self.read)?;
            if let Some(end) = lines.iter().rposition(|byte| *byte == b'\n') {
                lines.truncate(end + 1);
                return Ok(lines);
            }
            if length == left {
                return Err(io::ErrorKind::InvalidData.into());
            }
            length = length.saturating_mul(2).min(left); // a line longer than the limit
        }
    }

    /// Takes away bytes from the front.
    pub(super) fn consume(&mut self, bytes: usize) -> io::Result<()> {
        self.read += bytes as u64;
        self.forget_read()?;
        let first = self.segments.front().map_or(0, |first| first.number);
        let position = u128::from(first) << 64 | u128::from(self.read);
        self.position.write_all_at(&position.to_be_bytes(), 0)
    }

    fn restore_position(&mut self) {
        let mut position = [0; 16];
        if self.position.read_exact_at(&mut position, 0).is_err() {
            return; // a new spool
        }
        let position = u128::from_be_bytes(position);
        let first = self.segments.front().map_or(0, |first| first.number);
        if position >> 64 == first.into() {
            self.read = u64::try_from(position & u128::from(u64::MAX)).unwrap_or(0);
        }
    }

    /// Removes the first segments as far as they were read.
    fn forget_read(&mut self) -> io::Result<()> {
        while let Some(first) = self.segments.front().filter(|first| self.read >= first.size) {
            fs::remove_file(self.path(first.number))?;
            self.segments.pop_front();
            self.read = 0;
        }
        Ok(())
    }

    fn open_segment(&self, number: u64) -> io::Result<Segment> {
        let file = place::open(options().append(true), &self.path(number))?;
        let mut size = file.metadata()?.len();
        // A crash may have cut the last line off.
        let mut byte = [0];
        while size > 0 && byte != [b'\n'] {
            file.read_exact_at(&mut byte, size - 1)?;
            size -= u64::from(byte != [b'\n']);
        }
        file.set_len(size)?;
        Ok(Segment { number, file, size })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.config.directory.join(format!("{number:020}.jsonl"))
    }
}

/// Only the program itself reads its spool.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".jsonl")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(directory: &std::path::Path, size: u64) -> SpoolConfig {
        SpoolConfig { directory: directory.join("spool"), size }
    }

    fn take(spool: &mut Spool, limit: usize) -> String {
        let lines = spool.front(limit).unwrap();
        spool.consume(lines.len()).unwrap();
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn lines_come_back_in_order_over_segments_and_space_comes_free() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), 80);
        let mut spool = Spool::open(&config).unwrap();
        for number in 0..16 {
            spool.append(format!("{number:04}\n").as_bytes()).unwrap();
        }
        assert_eq!((spool.room(), spool.count_lines().unwrap()), (0, 16));
        let mut all = String::new();
        while !spool.is_empty() {
            all += &take(&mut spool, 7);
        }
        assert_eq!(all.lines().count(), 16);
        assert!(all.lines().is_sorted());
        assert_eq!(spool.room(), 80);
        assert_eq!(fs::read_dir(&config.directory).unwrap().count(), 1, "only the position");
    }

    #[test]
    fn what_is_left_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), 800);
        let mut spool = Spool::open(&config).unwrap();
        spool.append(b"one\ntwo\nthree\n").unwrap();
        assert_eq!(take(&mut spool, 4), "one\n");
        drop(spool);
        let mut spool = Spool::open(&config).unwrap();
        assert_eq!(spool.count_lines().unwrap(), 2);
        assert_eq!(take(&mut spool, 100), "two\nthree\n");
        assert!(spool.is_empty());
    }

    #[test]
    fn a_line_cut_off_by_a_crash_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), 800);
        Spool::open(&config).unwrap().append(b"one\ntw").unwrap();
        let mut spool = Spool::open(&config).unwrap();
        spool.append(b"three\n").unwrap();
        assert_eq!(take(&mut spool, 100), "one\nthree\n");
    }

    #[test]
    fn a_line_longer_than_the_limit_comes_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::open(&config(dir.path(), 800)).unwrap();
        spool.append(b"a long line\nx\n").unwrap();
        assert_eq!(take(&mut spool, 3), "a long line\n");
    }

    #[test]
    fn one_directory_serves_one_spool() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), 800);
        let _first = Spool::open(&config).unwrap();
        assert!(Spool::open(&config).is_err());
    }
}
