//! One worker's share of a capture file.

use std::path::Path;

use ja4sentinel::capture::file::{CaptureFile, FileError};
use ja4sentinel::capture::{Captured, Source};
use ja4sentinel::sensor::{Ledger, Sensor};
use ja4sentinel::wire::shard;

use super::printer::Printer;
use super::progress::Progress;
use super::read::{Arguments, Stopped};

/// What came of it.
pub(super) struct Share {
    pub(super) packets: u64,
    pub(super) records: u64,
    pub(super) hellos: u64,
    pub(super) ledger: Ledger,
    /// How the reading ended.
    pub(super) ended: Result<(), Stopped>,
}

impl Share {
    /// Reads a file to its end or fault, with a sensor of its own, and leaves to the other workers
    /// what is theirs; ends early when the printer fails.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn read(
        path: &Path,
        arguments: &Arguments,
        worker: u16,
        mut printer: Printer,
    ) -> Result<Self, FileError> {
        let mut file = CaptureFile::open(path)?;
        // What comes through a pipe comes when it happens, and is to be seen then.
        printer.flush_each(file.size().is_none());
        let progress = Progress::new(&path.display().to_string(), &file, worker == 0);
        let mut sensor = Sensor::new(arguments.settings(), "file");
        let (worker, workers) = (usize::from(worker), usize::from(arguments.workers));
        let (mut packets, mut passed) = (0, 0);
        let read = loop {
            match file.next() {
                Ok(Some(Captured::Frame(frame))) => {
                    if workers == 1 || shard(&frame, workers) == worker {
                        sensor.frame(&frame, &mut |outcome| printer.take(&outcome));
                        packets += 1;
                    }
                }
                Ok(Some(Captured::Interface { index, name })) => {
                    sensor.name_interface(index, name);
                    continue;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(Stopped::Input(error)),
            }
            passed += 1;
            progress.packet(passed, &file);
            if printer.failed() {
                break Ok(());
            }
        };
        sensor.finish(&mut |outcome| printer.take(&outcome));
        let written = printer.flush().map_err(Stopped::Output);
        let (records, hellos) = printer.counts();
        let ended = written.and(read);
        Ok(Self { packets, records, hellos, ledger: sensor.ledger(), ended })
    }
}
