//! The thread behind an output: queue in, sink out, trouble in between.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::batch::Batch;
use super::counts::Reason;
use super::format::Formatter;
use super::lane::{Message, Shared};
use super::settings::{OutputConfig, SinkConfig};
use super::sink::{Sink, Trouble, sink};

/// Takes records from the queue, makes lines of them, and brings them to the sink.
pub(super) struct Worker {
    name: String,
    queue: Receiver<Message>,
    shared: Arc<Shared>,
    formatter: Formatter,
    sink: Box<dyn Sink>,
    /// How long a line may wait for others to share its write.
    linger: Duration,
    batch: Batch,
    backoff: Backoff,
    /// Since when nothing was taken.
    trouble_since: Option<Instant>,
}

/// What to do next.
enum Next {
    /// There are lines to write.
    Write,
    /// The queue is empty and the output is to end.
    End,
}

impl Worker {
    pub(super) fn new(
        config: &OutputConfig,
        queue: Receiver<Message>,
        shared: Arc<Shared>,
    ) -> Self {
        let linger = match &config.sink {
            SinkConfig::File(file) => file.flush_interval,
            SinkConfig::Stdout | SinkConfig::UnixSocket(_) => Duration::ZERO,
        };
        Self {
            name: config.name.clone(),
            queue,
            shared,
            formatter: Formatter::new(config),
            sink: sink(&config.sink),
            linger,
            batch: Batch::default(),
            backoff: Backoff::new(),
            trouble_since: None,
        }
    }

    /// Works until the output ends.
    pub(super) fn run(mut self) {
        while let Next::Write = self.gather() {
            if self.shared.reopen.swap(false, Ordering::AcqRel) {
                self.sink.reopen();
            }
            if self.is_past_deadline() {
                return self.give_up(Reason::Shutdown);
            }
            match self.sink.write(self.batch.pending()) {
                Ok(bytes) => self.took(bytes),
                Err(Trouble::Unfit(reason)) => {
                    self.batch.skip();
                    self.shared.counters.drop(reason, 1);
                }
                Err(Trouble::Slow) => self.note_trouble(Reason::QueueFull, None),
                Err(Trouble::Busy(reason, error)) => {
                    self.note_trouble(reason, Some(error));
                    self.pause();
                }
                Err(Trouble::Lost(reason, error)) => {
                    self.batch.rewind();
                    self.note_trouble(reason, Some(error));
                    self.pause();
                }
                Err(Trouble::Closed) => {
                    self.shared.closed.store(true, Ordering::Release);
                    return self.give_up(Reason::Closed);
                }
            }
        }
    }

    /// Fills the batch: waits for a first line if there is none, then takes those that are there,
    /// or come within the time that a line may linger.
    fn gather(&mut self) -> Next {
        if !self.batch.is_empty() {
            return Next::Write; // what is left of the last one
        }
        let mut until = None;
        loop {
            let Some(message) = self.receive(until) else {
                return if self.batch.is_empty() { Next::End } else { Next::Write };
            };
            match message {
                Message::Record(record) => {
                    self.batch.push(|line| self.formatter.line(&record, line));
                    until.get_or_insert_with(|| Instant::now() + self.linger);
                }
                Message::Look if self.shared.reopen.swap(false, Ordering::AcqRel) => {
                    self.sink.reopen();
                }
                Message::Look => {}
            }
            if self.batch.is_full() {
                return Next::Write;
            }
        }
    }

    /// The next message: without `until` waits for one; with it, not longer. `None` when there is
    /// none, or the output is to end and the queue is empty.
    fn receive(&self, until: Option<Instant>) -> Option<Message> {
        match self.queue.try_recv() {
            Ok(message) => return Some(message),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if self.shared.deadline().is_some() => return None,
            Err(TryRecvError::Empty) => {}
        }
        match until {
            None => self.queue.recv().ok(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                self.queue.recv_timeout(left).ok()
            }
        }
    }

    fn took(&mut self, bytes: usize) {
        let lines = self.batch.advance(bytes);
        self.shared.counters.deliver(lines);
        self.backoff.reset();
        if let Some(since) = self.trouble_since.take() {
            self.shared.set_trouble(None);
            let seconds = since.elapsed().as_secs();
            tracing::info!(output = self.name, seconds, "output takes records again");
        }
    }

    /// The sink takes nothing. Logged once until it takes something again.
    fn note_trouble(&mut self, reason: Reason, error: Option<io::Error>) {
        self.shared.counters.retry();
        self.shared.set_trouble(Some(reason));
        if self.trouble_since.is_none() {
            self.trouble_since = Some(Instant::now());
            let reason = reason.label();
            let error = error.map(tracing::field::display);
            tracing::warn!(output = self.name, reason, error, "output takes no records, they wait");
        }
    }

    /// Waits before the next attempt.
    fn pause(&mut self) {
        let wait = self.backoff.wait();
        std::thread::park_timeout(match self.shared.deadline() {
            Some(deadline) => wait.min(deadline.saturating_duration_since(Instant::now())),
            None => wait,
        });
    }

    fn is_past_deadline(&self) -> bool {
        self.shared.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Drops everything that waits.
    fn give_up(&mut self, reason: Reason) {
        let mut lines = self.batch.lines();
        while let Ok(message) = self.queue.try_recv() {
            lines += u64::from(matches!(message, Message::Record(_)));
        }
        self.shared.counters.drop(reason, lines);
        if lines > 0 {
            let reason = reason.label();
            tracing::warn!(output = self.name, reason, lines, "records dropped");
        }
    }
}
