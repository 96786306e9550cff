//! The line at the end of `read`.

use std::fmt;
use std::time::Instant;

use ja4sentinel::sensor::{Ledger, Named};

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
    /// Counts, then the ledger: `connections` gives the sum of what became of them, other stages
    /// appear when something was lost in them.
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
        for stage in &self.ledger.stages {
            if stage.name == "connections" {
                write!(f, "; {} {} = {} fingerprinted", stage.taken, stage.name, stage.passed)?;
                write!(f, "{}", Causes(&stage.lost, " + "))?;
            } else if stage.losses() > 0 {
                write!(
                    f,
                    "; {} lost: {}{}",
                    stage.name,
                    stage.losses(),
                    Causes(&stage.lost, ", ")
                )?;
            }
        }
        if !self.ledger.is_balanced() {
            write!(f, "; the ledger does not balance, which is a fault of this program")?;
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

/// Each cause that occurred, behind a separator.
struct Causes<'a>(&'a Named, &'static str);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (label, count) in self.0.iter().filter(|(_, count)| *count > 0) {
            write!(f, "{}{count} {label}", self.1)?;
        }
        Ok(())
    }
}
