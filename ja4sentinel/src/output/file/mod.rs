//! A file that lines are appended to.

mod rotation;

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use super::counts::Reason;
use super::place;
use super::probe;
use super::settings::FileConfig;
use super::sink::{Sink, Trouble};
use rotation::Rotator;

/// Owner writes, group reads: records hold addresses of clients.
const MODE: u32 = 0o640;

/// A file that only ever holds whole lines of ours: what a full disk cut off is taken back.
pub(super) struct FileSink {
    config: FileConfig,
    open: Option<Open>,
    rotator: Rotator,
}

struct Open {
    file: File,
    size: u64,
    begun: SystemTime,
}

impl FileSink {
    pub(super) fn new(config: &FileConfig) -> Self {
        let rotator = Rotator::new(&config.path, &config.rotation);
        Self { config: config.clone(), open: None, rotator }
    }

    fn try_write(&mut self, lines: &[u8]) -> io::Result<usize> {
        // A file that was removed would swallow everything. One that was only moved is logrotate's
        // doing, which says when to open anew.
        if self.open.as_ref().is_some_and(|open| open.file.metadata().is_ok_and(|m| m.nlink() == 0))
        {
            self.open = None;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open(&self.config)?,
        };
        let line = first_line(lines);
        let mut room = self.rotator.room(open.size, open.begun, line.len());
        if room == 0 && self.rotator.rotate() {
            open = self::open(&self.config)?;
            room = self.rotator.room(open.size, open.begun, line.len());
        }
        // Where it cannot be rotated, the file grows on.
        let fitting = whole_lines(lines.get(..room).unwrap_or(lines));
        self.open.insert(open).append(if fitting.is_empty() { line } else { fitting })
    }
}

impl Sink for FileSink {
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble> {
        self.try_write(lines).map_err(|error| match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Trouble::Busy(Reason::DiskFull, error)
            }
            _ => {
                self.open = None;
                Trouble::Busy(Reason::WriteFailed, error)
            }
        })
    }

    fn reopen(&mut self) {
        self.open = None;
    }

    fn probe(&mut self) -> io::Result<String> {
        let path = &self.config.path;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let words = match place::open(OpenOptions::new().append(true), path) {
            Ok(_) => "can be appended to",
            Err(error) if error.kind() == ErrorKind::NotFound => {
                probe::makes_files(directory)?;
                "can be made"
            }
            Err(error) => return Err(error),
        };
        Ok(format!("{words}, {} MiB free", probe::free_space(directory)? >> 20))
    }
}

fn open(config: &FileConfig) -> io::Result<Open> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE);
    let mut file = place::open(&mut options, &config.path)?;
    let metadata = file.metadata()?;
    let begun = metadata.created().unwrap_or_else(|_| SystemTime::now());
    let mut size = metadata.len();
    // A line that was cut off when the program was killed must not spoil the next one.
    if metadata.is_file() && size > 0 && last_byte(&mut file)? != b'\n' {
        file.write_all(b"\n")?;
        size += 1;
    }
    Ok(Open { file, size, begun })
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut byte)?;
    Ok(u8::from_be_bytes(byte))
}

impl Open {
    /// Appends whole lines, as many as there is room for, and takes back a part of a line.
    fn append(&mut self, lines: &[u8]) -> io::Result<usize> {
        let written = self.file.write(lines)?;
        // Not counted up: whoever truncates the file under us moves the end.
        let end = self.file.stream_position().unwrap_or(self.size + written as u64);
        let whole = whole_lines(lines.get(..written).unwrap_or(lines)).len();
        self.size = end - (written - whole) as u64;
        if whole < written {
            self.file.set_len(self.size)?;
        }
        // Files take less than they are given only where there is no room.
        if whole > 0 { Ok(whole) } else { Err(ErrorKind::StorageFull.into()) }
    }
}

/// The front of `lines` up to its last newline.
fn whole_lines(lines: &[u8]) -> &[u8] {
    let end = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    lines.get(..end).unwrap_or_default()
}

/// The front of `lines` up to its first newline.
fn first_line(lines: &[u8]) -> &[u8] {
    let end = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1);
    lines.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_are_appended_to_a_file_of_mode_0640() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        std::fs::write(&path, "old\n").unwrap();
        let mut sink = FileSink::new(&FileConfig::new(path.clone()));
        assert_eq!(sink.write(b"one\ntwo\n").unwrap(), 8);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\none\ntwo\n");

        let path = dir.path().join("new.log");
        let mut sink = FileSink::new(&FileConfig::new(path.clone()));
        assert_eq!(sink.write(b"one\n").unwrap(), 4);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777 & !MODE, 0, "{mode:o}");
    }

    #[test]
    fn a_line_cut_off_by_a_crash_does_not_spoil_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        std::fs::write(&path, "one\n{\"cut\":").unwrap();
        FileSink::new(&FileConfig::new(path.clone())).write(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\n{\"cut\":\ntwo\n");
    }

    #[test]
    fn a_moved_file_is_left_on_reopen_and_a_removed_one_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (path, moved) = (dir.path().join("a.log"), dir.path().join("a.log.1"));
        let mut sink = FileSink::new(&FileConfig::new(path.clone()));
        sink.write(b"one\n").unwrap();
        std::fs::rename(&path, &moved).unwrap();
        sink.write(b"two\n").unwrap();
        sink.reopen();
        sink.write(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
        std::fs::remove_file(&path).unwrap();
        sink.write(b"four\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "four\n");
    }

    #[test]
    fn a_directory_that_is_missing_is_trouble_until_it_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/a.log");
        let mut sink = FileSink::new(&FileConfig::new(path.clone()));
        assert!(matches!(sink.write(b"one\n"), Err(Trouble::Busy(Reason::WriteFailed, _))));
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        assert_eq!(sink.write(b"one\n").unwrap(), 4);
    }
}
