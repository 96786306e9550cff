//! What the worker does with its spool.
//!
//! As long as the spool holds anything, every record goes through it, so that order is kept. A
//! batch that meets trouble is put into the spool before anything else; it stays in memory too, and
//! is then the front of the spool.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::super::batch::Batch;
use super::super::counts::{Counters, Reason};
use super::super::queue::Turn;
use super::super::settings::SpoolConfig;
use super::super::spool::Spool;
use super::Worker;

/// The spool of a worker, if it has one.
pub(super) struct Spooling {
    config: Option<SpoolConfig>,
    spool: Option<Spool>,
    /// When opening was last tried in vain.
    tried: Option<Instant>,
    /// The batch is the front of the spool, so many bytes of it.
    batch: Option<usize>,
    /// A failure was logged and has not ended.
    failed: bool,
}

/// What came of an attempt to bring records into the spool.
pub(super) enum Spooled {
    /// There is no spool, or no room in it.
    NoRoom,
    /// No record came.
    Nothing,
    /// Something came.
    Some,
}

impl Spooling {
    pub(super) fn new(config: Option<&SpoolConfig>) -> Self {
        Self { config: config.cloned(), spool: None, tried: None, batch: None, failed: false }
    }

    /// Whether the batch also is in the spool, and safe there.
    pub(super) fn holds_batch(&self) -> bool {
        self.batch.is_some()
    }

    fn log(&mut self, output: &str, error: &io::Error) {
        if !self.failed {
            tracing::error!(output, %error, "the spool fails");
        }
        self.failed = true;
    }
}

impl Worker {
    /// Fills the batch from the spool; says whether there was anything.
    pub(super) fn load_spooled(&mut self) -> bool {
        if self.spool().is_none_or(|spool| spool.is_empty()) {
            return false;
        }
        self.spool_some(Duration::ZERO);
        let Some(spool) = self.spool() else { return false };
        match spool.front(Batch::BYTES) {
            Ok(lines) => {
                self.spooling.batch = Some(lines.len());
                self.batch.load(lines);
                true
            }
            Err(error) => {
                self.spooling.log(&self.name, &error);
                // What it holds stays there and stays counted; a restart tries again.
                (self.spooling.spool, self.spooling.config) = (None, None);
                false
            }
        }
    }

    /// Brings the batch into the spool, unless it came from there or the spool has no room.
    pub(super) fn spool_batch(&mut self) {
        let lines = self.batch.lines();
        if lines == 0 || self.spooling.holds_batch() {
            return;
        }
        self.spool(); // opens it
        let Some(spool) = &mut self.spooling.spool else { return };
        let unfinished = self.batch.unfinished();
        if !spool.is_empty() || spool.room() < unfinished.len() as u64 {
            return;
        }
        match spool.append(unfinished) {
            Ok(()) => {
                self.spooling.batch = Some(unfinished.len());
                self.shared.counters.spool(lines);
            }
            Err(error) => self.spooling.log(&self.name, &error),
        }
    }

    /// Brings the next records into the spool, at most about one batch of them; waits so long for
    /// the first.
    pub(super) fn spool_some(&mut self, wait: Duration) -> Spooled {
        match self.spool() {
            None => return Spooled::NoRoom,
            Some(spool) if spool.room() < Batch::BYTES as u64 => {
                self.shared.set_trouble(Some(Reason::SpoolFull));
                return Spooled::NoRoom;
            }
            Some(_) => {}
        }
        let mut block = Batch::default();
        match self.shared.queue.next(&mut block, wait, Duration::ZERO) {
            Turn::Nothing => return Spooled::Nothing,
            Turn::Lines | Turn::Look => {}
        }
        self.append(&block);
        Spooled::Some
    }

    fn append(&mut self, block: &Batch) {
        let Some(spool) = &mut self.spooling.spool else { return };
        if block.is_empty() {
            return;
        }
        let result = if spool.room() < block.pending().len() as u64 {
            Err((Reason::SpoolFull, None)) // a line far longer than usual
        } else {
            spool.append(block.pending()).map_err(|error| match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    (Reason::DiskFull, Some(error))
                }
                _ => (Reason::WriteFailed, Some(error)),
            })
        };
        match result {
            Ok(()) => {
                self.shared.counters.spool(block.lines());
                self.spooling.failed = false;
            }
            Err((reason, error)) => {
                self.shared.counters.drop(reason, block.lines());
                if let Some(error) = error {
                    self.spooling.log(&self.name, &error);
                }
            }
        }
    }

    /// Counts what became of lines of the batch, and takes them from the spool when all are done.
    pub(super) fn settle(&mut self, lines: u64, count: impl FnOnce(&Counters)) {
        if self.spooling.holds_batch() {
            self.shared.counters.unspool(lines);
        }
        count(&self.shared.counters);
        if self.batch.is_empty()
            && let (Some(bytes), Some(spool)) =
                (self.spooling.batch.take(), &mut self.spooling.spool)
            && let Err(error) = spool.consume(bytes)
        {
            self.spooling.log(&self.name, &error);
        }
    }

    /// The spool, opened if it can be.
    fn spool(&mut self) -> Option<&mut Spool> {
        const AGAIN: Duration = Duration::from_secs(1);
        let spooling = &mut self.spooling;
        let due = spooling.tried.is_none_or(|tried| tried.elapsed() >= AGAIN);
        if let (None, Some(config), true) = (&spooling.spool, &spooling.config, due) {
            spooling.tried = Some(Instant::now());
            let opened = Spool::open(config).and_then(|spool| Ok((spool.count_lines()?, spool)));
            match opened {
                Ok((lines, spool)) => {
                    self.shared.counters.restore(lines);
                    spooling.spool = Some(spool);
                }
                Err(error) => spooling.log(&self.name, &error),
            }
        }
        spooling.spool.as_mut()
    }
}
