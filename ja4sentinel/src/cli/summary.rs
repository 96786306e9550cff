//! The line at the end of `read`.

use std::fmt;
use std::time::Instant;

/// What was read.
pub(super) struct Summary {
    begun: Instant,
    pub(super) files: u64,
    pub(super) packets: u64,
    pub(super) hellos: u64,
    pub(super) records: u64,
}

impl Summary {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), files: 0, packets: 0, hellos: 0, records: 0 }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}, {} {}, {} {}, {} {}",
            self.files,
            plural(self.files, "file", "files"),
            self.packets,
            plural(self.packets, "packet", "packets"),
            self.hellos,
            plural(self.hellos, "hello", "hellos"),
            self.records,
            plural(self.records, "record", "records"),
        )?;
        write!(f, ", {:.3} s", self.begun.elapsed().as_secs_f64())
    }
}

fn plural(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
