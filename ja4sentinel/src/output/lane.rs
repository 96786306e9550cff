//! One output: a bounded queue, its counters, and the thread behind it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::counts::{Counters, Counts, Reason};
use super::format::Formatter;
use super::queue::{Queue, Refused};
use super::select::Selection;
use super::settings::OutputConfig;
use super::worker::Worker;
use crate::record::Record;

/// What an output has past its deadline for noticing it: a write to a reader that has stopped takes
/// a second to give up.
const GRACE: Duration = Duration::from_millis(1500);
/// Between two looks whether an output has ended.
const STEP: Duration = Duration::from_millis(2);

/// What the output and its thread both know.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) counters: Counters,
    pub(super) queue: Queue,
    /// Files are to be opened again.
    pub(super) reopen: AtomicBool,
    /// Nothing will ever be written again.
    pub(super) closed: AtomicBool,
    /// The output is to end by then.
    deadline: Mutex<Option<Instant>>,
    /// Why the queue does not move, if it does not.
    trouble: Mutex<Option<Reason>>,
}

impl Shared {
    fn new(config: &OutputConfig) -> Self {
        Self {
            counters: Counters::default(),
            queue: Queue::new(config.queue, config.queue_bytes),
            reopen: AtomicBool::default(),
            closed: AtomicBool::default(),
            deadline: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the output to end, a little past its deadline at most: a system call may hold its
    /// thread fast.
    fn wait_for_end(&self) {
        let over = || self.deadline().is_some_and(|deadline| Instant::now() >= deadline + GRACE);
        while !self.closed.load(Ordering::Acquire) && !over() {
            std::thread::sleep(STEP);
        }
    }

    pub(super) fn set_trouble(&self, reason: Option<Reason>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// Looked at only when the queue is full.
    fn trouble(&self) -> Reason {
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.unwrap_or(Reason::QueueFull)
    }
}

/// One output.
pub(super) struct Lane {
    config: OutputConfig,
    selection: Selection,
    formatter: Formatter,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Lane {
    /// Starts the output; it takes records at once, and writes when those `before` it have ended.
    /// `closed` is told when it closes for good.
    pub(super) fn start<'a>(
        config: &OutputConfig,
        before: impl Iterator<Item = &'a Self>,
        closed: &Arc<Notify>,
    ) -> Self {
        let before: Vec<_> = before.map(|lane| Arc::clone(&lane.shared)).collect();
        let shared = Arc::new(Shared::new(config));
        let worker = Worker::new(config, Arc::clone(&shared));
        let closed = Arc::clone(closed);
        let end = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(format!("out {}", config.sink.label()))
            .spawn(move || {
                before.iter().for_each(|other| other.wait_for_end());
                worker.run();
                end.closed.store(true, Ordering::Release);
                closed.notify_waiters();
            })
            .inspect_err(|error| tracing::error!(output = config.name, %error, "no thread"))
            .ok();
        if thread.is_none() {
            shared.closed.store(true, Ordering::Release);
        }
        let (selection, formatter) = (Selection::new(config), Formatter::new(config));
        Self { config: config.clone(), selection, formatter, shared, thread }
    }

    pub(super) fn config(&self) -> &OutputConfig {
        &self.config
    }

    /// Whether an output of that configuration would get in this one's way.
    pub(super) fn shares_place_with(&self, config: &OutputConfig) -> bool {
        self.config.sink.shares_place_with(&config.sink)
    }

    /// Queues a record's line, or drops and counts the record. Waits for nobody, the thread's own steps
    /// at the queue left aside.
    pub(super) fn deliver(&self, record: &Record) {
        let Shared { counters, queue, .. } = &*self.shared;
        if let Some(reason) = self.selection.leaves_out(record) {
            return counters.refuse(reason);
        }
        if self.is_closed() {
            return counters.refuse(Reason::Closed);
        }
        // Counted first, so that the thread never takes off what was not yet put on.
        counters.queue();
        let reason = match queue.push(record.timestamp, |line| self.formatter.line(record, line)) {
            Ok(()) => return,
            Err(Refused::Full) => self.shared.trouble(),
            Err(Refused::Closed) => Reason::Closed,
        };
        counters.drop(reason, 1);
    }

    /// Lets the thread have what was delivered.
    pub(super) fn flush(&self) {
        self.shared.queue.flush();
    }

    pub(super) fn counts(&self) -> Counts {
        self.shared.counters.snapshot(&self.config.name)
    }

    /// Whether nothing will ever be written again.
    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Opens files again.
    pub(super) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        self.look();
    }

    /// Ends the output when its queue is empty, or at `deadline`.
    pub(super) fn stop(&self, deadline: Instant) {
        *self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        self.look();
    }

    /// Waits for the output to end, a little past `deadline` at most: a thread that a system call
    /// holds fast is left behind, and its records stay counted as queued.
    pub(super) fn wait(&self, deadline: Instant) {
        let ended = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !ended() && Instant::now() < deadline + GRACE {
            std::thread::sleep(STEP);
        }
    }

    /// Wakes the thread, for whatever it waits.
    fn look(&self) {
        self.shared.queue.look();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lane").field(&self.config.name).finish()
    }
}
