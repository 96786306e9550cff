//! The thread behind an output: queue in, sink out, trouble in between.

mod spooling;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::batch::Batch;
use super::counts::Reason;
use super::lane::Shared;
use super::queue::Turn;
use super::settings::OutputConfig;
use super::sink::{Sink, Trouble, sink};
use spooling::{Spooled, Spooling};

/// Takes lines from the queue and brings them to the sink.
pub(super) struct Worker {
    name: String,
    shared: Arc<Shared>,
    sink: Box<dyn Sink>,
    /// How long a line may wait for others to share its write.
    linger: Duration,
    batch: Batch,
    spooling: Spooling,
    backoff: Backoff,
    trouble: Option<Spell>,
    last_logged: Option<Instant>,
    /// Spells since then.
    unsaid: u64,
}

/// A time in which nothing is taken.
struct Spell {
    since: Instant,
    /// Whether its beginning was logged, so that its end is too.
    logged: bool,
}

/// A reader that comes and goes is not logged more often than this.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// How often an output without records looks whether its reader has gone for good.
const IDLE: Duration = Duration::from_secs(1);

/// What to do next.
enum Next {
    /// There are lines to write.
    Write,
    /// The queue is empty and the output is to end.
    End,
    /// Nothing will ever be taken again.
    Close,
}

impl Worker {
    pub(super) fn new(config: &OutputConfig, shared: Arc<Shared>) -> Self {
        Self {
            name: config.name.clone(),
            shared,
            sink: sink(&config.sink),
            linger: config.sink.linger(),
            batch: Batch::default(),
            spooling: Spooling::new(config.sink.spool()),
            backoff: Backoff::new(),
            trouble: None,
            last_logged: None,
            unsaid: 0,
        }
    }

    /// Works until the output ends.
    pub(super) fn run(mut self) {
        loop {
            match self.gather() {
                Next::Write => {}
                // What came since it was last looked at is dropped.
                Next::End => return self.give_up(Reason::Shutdown),
                Next::Close => return self.close(),
            }
            self.reopen_if_asked();
            if self.is_past_deadline() {
                return self.give_up(Reason::Shutdown);
            }
            let trouble = match self.sink.write(self.batch.pending()) {
                Ok(bytes) => {
                    self.took(bytes);
                    continue;
                }
                Err(trouble) => trouble,
            };
            match trouble {
                Trouble::Closed => return self.close(),
                Trouble::Unfit(reason) => {
                    self.batch.skip();
                    self.settle(1, |counters| counters.drop(reason, 1));
                    continue;
                }
                Trouble::Slow => self.note_trouble(Reason::QueueFull, None),
                Trouble::Busy(reason, ref error) => self.note_trouble(reason, Some(error)),
                Trouble::Lost(reason, ref error) => {
                    self.batch.rewind();
                    self.note_trouble(reason, Some(error));
                }
            }
            self.spool_batch();
            if self.shared.deadline().is_some() && self.spooling.holds_batch() {
                return self.give_up(Reason::Shutdown); // nothing is lost by not waiting
            }
            let wait = match trouble {
                Trouble::Slow => Duration::ZERO, // was waited for already
                _ => self.backoff.wait(),
            };
            self.pause(wait);
        }
    }

    /// Fills the batch: from the spool, if anything is there; else with the queue's next lines.
    fn gather(&mut self) -> Next {
        if !self.batch.is_empty() {
            return Next::Write; // what is left of the last one
        }
        if self.load_spooled() {
            return Next::Write;
        }
        loop {
            let is_ending = self.shared.deadline().is_some();
            let (wait, linger) =
                if is_ending { (Duration::ZERO, Duration::ZERO) } else { (IDLE, self.linger) };
            match self.shared.queue.next(&mut self.batch, wait, linger) {
                Turn::Lines => return Next::Write,
                Turn::Look => self.reopen_if_asked(),
                Turn::Nothing if is_ending => return Next::End,
                Turn::Nothing if self.sink.is_closed() => return Next::Close,
                Turn::Nothing => {}
            }
        }
    }

    fn reopen_if_asked(&mut self) {
        if self.shared.reopen.swap(false, Ordering::AcqRel) {
            self.sink.reopen();
        }
    }

    fn took(&mut self, bytes: usize) {
        let (lines, packets) = self.batch.advance(bytes);
        self.settle(lines, |counters| counters.deliver(lines));
        self.shared.counters.latency.observe(packets.into_iter());
        self.backoff.reset();
        if let Some(Spell { since, logged }) = self.trouble.take() {
            self.shared.set_trouble(None);
            if logged {
                let seconds = since.elapsed().as_secs();
                tracing::info!(output = self.name, seconds, "output takes records again");
            }
        }
    }

    /// The sink takes nothing. Logged once until it takes something again.
    fn note_trouble(&mut self, reason: Reason, error: Option<&io::Error>) {
        self.shared.counters.retry();
        self.shared.set_trouble(Some(reason));
        if self.trouble.is_some() {
            return;
        }
        let since = Instant::now();
        let logged = self.last_logged.is_none_or(|last| last.elapsed() >= LOG_INTERVAL);
        self.trouble = Some(Spell { since, logged });
        if logged {
            self.last_logged = Some(since);
            let reason = reason.label();
            let error = error.map(tracing::field::display);
            // Spells since the last line that had none.
            let unsaid = std::mem::take(&mut self.unsaid);
            tracing::warn!(
                output = self.name,
                reason,
                error,
                unsaid,
                "output takes no records, they wait"
            );
        } else {
            self.unsaid += 1;
        }
    }

    /// Waits before the next attempt, and meanwhile brings what comes to the spool, if there is
    /// one. Ends early when the output is to end.
    fn pause(&mut self, wait: Duration) {
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = self.shared.deadline().map_or(left, |deadline| {
                left.min(deadline.saturating_duration_since(Instant::now()))
            });
            match self.spool_some(left) {
                Spooled::NoRoom => return std::thread::park_timeout(left),
                Spooled::Some if !left.is_zero() && self.shared.deadline().is_none() => {}
                Spooled::Some | Spooled::Nothing => return,
            }
        }
    }

    fn is_past_deadline(&self) -> bool {
        self.shared.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The reader has gone for good.
    fn close(self) {
        self.shared.closed.store(true, Ordering::Release);
        self.give_up(Reason::Closed);
    }

    /// Leaves what waits to the spool, and drops what that cannot take.
    fn give_up(mut self, reason: Reason) {
        if reason == Reason::Shutdown {
            self.spool_batch();
            while let Spooled::Some = self.spool_some(Duration::ZERO) {}
        }
        let mut lines = if self.spooling.holds_batch() { 0 } else { self.batch.lines() };
        lines += self.shared.queue.close();
        self.shared.counters.drop(reason, lines);
        match reason {
            _ if lines == 0 => {}
            // Its reader has gone, and wants no word either.
            Reason::Closed => tracing::debug!(output = self.name, lines, "output closed"),
            _ => {
                let reason = reason.label();
                tracing::warn!(output = self.name, reason, lines, "records dropped");
            }
        }
    }
}
