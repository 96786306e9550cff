//! Records to standard output, at full speed.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use clap::ValueEnum;
use ja4sentinel::record::{Kind, Record};
use ja4sentinel::sensor::Outcome;

use super::text;

/// How a record is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One line of JSON a record
    Json,
    /// Two lines for the eye a record
    Text,
}

/// Prints the records among a sensor's outcomes, and counts them.
pub(super) struct Printer {
    /// Shared by printers that work side by side; each writes whole lines.
    out: Arc<Mutex<File>>,
    /// Whole lines that are not yet written.
    lines: Vec<u8>,
    format: Format,
    flush_each: bool,
    records: u64,
    hellos: u64,
    written: io::Result<()>,
}

impl Printer {
    /// Some hundred records a system call.
    const BUFFER: usize = 128 * 1024;

    /// While another one writes, so much may come together: to be woken afterwards takes longer than a
    /// write.
    const MOST: usize = 8 * Self::BUFFER;

    pub(super) fn to_standard_output(format: Format) -> io::Result<Self> {
        // Not through std's standard output, which looks for line ends in everything.
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::new(Arc::new(Mutex::new(out)), format))
    }

    /// Another one to the same output, which has printed nothing yet.
    pub(super) fn beside(&self) -> Self {
        Self { flush_each: self.flush_each, ..Self::new(Arc::clone(&self.out), self.format) }
    }

    fn new(out: Arc<Mutex<File>>, format: Format) -> Self {
        Self {
            out,
            lines: Vec::with_capacity(Self::BUFFER),
            format,
            flush_each: false,
            records: 0,
            hellos: 0,
            written: Ok(()),
        }
    }

    /// Whether each record goes out at once.
    pub(super) fn flush_each(&mut self, at_once: bool) {
        self.flush_each = at_once;
    }

    /// Takes one outcome; nothing more is written after a failure.
    pub(super) fn take(&mut self, outcome: &Outcome<'_>) {
        let Outcome::Record(record) = outcome else { return };
        if self.written.is_ok() {
            self.written = self.write(record);
            self.records += 1;
            self.hellos += u64::from(record.kind == Kind::Hello);
        }
    }

    /// Whether a record could not be written.
    pub(super) fn failed(&self) -> bool {
        self.written.is_err()
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// The first failure since the last flush.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        std::mem::replace(&mut self.written, Ok(()))?;
        self.write_out()
    }

    /// Records, and the complete hellos among them.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.records, self.hellos)
    }

    fn write(&mut self, record: &Record) -> io::Result<()> {
        match self.format {
            Format::Json => {
                record.write_json(&mut self.lines);
                self.lines.push(b'\n');
            }
            Format::Text => text::write(record, &mut self.lines)?,
        }
        if self.flush_each || self.lines.len() >= Self::MOST {
            self.write_out()
        } else if self.lines.len() >= Self::BUFFER {
            self.write_if_free()
        } else {
            Ok(())
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        write_all(&mut out, &mut self.lines)
    }

    fn write_if_free(&mut self) -> io::Result<()> {
        match self.out.try_lock() {
            Ok(mut out) => write_all(&mut out, &mut self.lines),
            Err(TryLockError::Poisoned(out)) => write_all(&mut out.into_inner(), &mut self.lines),
            Err(TryLockError::WouldBlock) => Ok(()),
        }
    }
}

fn write_all(out: &mut File, lines: &mut Vec<u8>) -> io::Result<()> {
    let written = out.write_all(lines);
    lines.clear();
    written
}
