//! The line at the end of `read`.

use std::fmt;
use std::time::Instant;

use ja4sentinel::agent::LedgerLine;
use ja4sentinel::sensor::Ledger;

/// What was read, and what became of it.
pub(super) struct Summary {
    begun: Instant,
    pub(super) files: u64,
    pub(super) packets: u64,
    pub(super) hellos: u64,
    pub(super) records: u64,
    pub(super) ledger: Ledger,
}

impl Summary {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            files: 0,
            packets: 0,
            hellos: 0,
            records: 0,
            ledger: Ledger::default(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, {}, {} in {:.3} s",
            Count(self.files, "file", "files"),
            Count(self.packets, "packet", "packets"),
            Count(self.hellos, "hello", "hellos"),
            Count(self.records, "record", "records"),
            self.begun.elapsed().as_secs_f64(),
        )?;
        if self.files > 0 {
            write!(f, "; {}", LedgerLine(&self.ledger))?;
        }
        Ok(())
    }
}

/// A number and its noun.
struct Count(u64, &'static str, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { self.1 } else { self.2 })
    }
}
