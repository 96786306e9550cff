//! One worker's share of a capture file.

use ja4sentinel::capture::Captured;
use ja4sentinel::sensor::{Ledger, Sensor};

use super::printer::Printer;
use super::read::Arguments;

/// A worker that takes its share, with a sensor of its own.
pub(super) struct Worker {
    sensor: Sensor,
    printer: Printer,
    packets: u64,
}

/// What came of it.
pub(super) struct Share {
    pub(super) packets: u64,
    pub(super) records: u64,
    pub(super) hellos: u64,
    pub(super) ledger: Ledger,
    /// Whether all records could be printed.
    pub(super) printed: std::io::Result<()>,
}

impl Worker {
    pub(super) fn new(arguments: &Arguments, printer: Printer) -> Self {
        Self { sensor: Sensor::new(arguments.settings(), "file"), printer, packets: 0 }
    }

    /// Takes what comes next of its share; false when nobody can be told of it any more.
    #[inline]
    pub(super) fn take(&mut self, captured: Captured<'_>) -> bool {
        let Self { sensor, printer, packets } = self;
        match captured {
            Captured::Frame(frame) => {
                sensor.frame(&frame, &mut |outcome| printer.take(&outcome));
                *packets += 1;
            }
            Captured::Interface { index, name } => sensor.name_interface(index, name),
        }
        !printer.failed()
    }

    /// The file has ended.
    pub(super) fn finish(mut self) -> Share {
        let Self { sensor, printer, packets } = &mut self;
        sensor.finish(&mut |outcome| printer.take(&outcome));
        let printed = printer.flush();
        let (records, hellos) = printer.counts();
        Share { packets: *packets, records, hellos, ledger: sensor.ledger(), printed }
    }
}
