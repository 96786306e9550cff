//! Lines between the capture and an output's thread.
//!
//! Lines are made where their record is still in the core's cache, and wait as blocks that are each
//! written at once. The thread is woken for what a turn of the capture brought, not for each line.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::batch::Batch;

/// A bounded queue with one thread at its end.
#[derive(Debug)]
pub(super) struct Queue {
    most_lines: u64,
    most_bytes: usize,
    inner: Mutex<Inner>,
    /// Rung when there is something for the thread to do.
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// None is empty, and all but the last are full.
    blocks: VecDeque<Batch>,
    /// One that was taken and is empty again.
    spare: Batch,
    lines: u64,
    bytes: usize,
    sleep: Sleep,
    look: bool,
    closed: bool,
}

/// What the thread sleeps for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Sleep {
    /// It is awake.
    #[default]
    No,
    /// Any line.
    Line,
    /// A block that is full.
    Block,
}

/// Why a line was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// There is no room.
    Full,
    /// Nobody takes lines any more.
    Closed,
}

/// What the thread finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A block of lines.
    Lines,
    /// Something else to look at.
    Look,
    /// Nothing in the time given.
    Nothing,
}

impl Queue {
    /// Takes so many lines and bytes at most.
    pub(super) fn new(most_lines: usize, most_bytes: u64) -> Self {
        Self {
            most_lines: most_lines.max(1) as u64,
            most_bytes: usize::try_from(most_bytes).unwrap_or(usize::MAX),
            inner: Mutex::default(),
            bell: Condvar::new(),
        }
    }

    /// Appends a line whose packet came then. The thread learns of it when the queue is flushed, or by
    /// itself when there is much.
    pub(super) fn push(
        &self,
        packet_ns: u64,
        line: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.lines >= self.most_lines {
            return Err(Refused::Full);
        }
        if inner.blocks.back().is_none_or(Batch::is_full) {
            let block = std::mem::take(&mut inner.spare);
            inner.blocks.push_back(block);
        }
        let most = self.most_bytes.saturating_sub(inner.bytes);
        let Some(block) = inner.blocks.back_mut() else { return Err(Refused::Full) };
        let added = block.push(packet_ns, line);
        if added > most {
            block.pull();
            if block.is_empty() {
                inner.spare = inner.blocks.pop_back().unwrap_or_default();
            }
            return Err(Refused::Full);
        }
        inner.lines += 1;
        inner.bytes += added;
        if inner.lines >= self.most_lines / 2 || inner.blocks.front().is_some_and(Batch::is_full) {
            self.wake(inner);
        }
        Ok(())
    }

    /// Lets the thread have what is there.
    pub(super) fn flush(&self) {
        let inner = self.lock();
        if inner.sleep == Sleep::Line && inner.lines > 0 {
            self.wake(inner);
        }
    }

    /// Lets the thread look at something else.
    pub(super) fn look(&self) {
        let mut inner = self.lock();
        inner.look = true;
        self.wake(inner);
    }

    /// Moves the oldest block into `batch`, which is empty. Waits for a first line so long, and once there
    /// is one, for a full block no longer than lines may linger.
    pub(super) fn next(&self, batch: &mut Batch, wait: Duration, linger: Duration) -> Turn {
        let begin = Instant::now();
        let mut full_until = None;
        let mut inner = self.lock();
        loop {
            if std::mem::take(&mut inner.look) {
                return Turn::Look;
            }
            let (sleep, until) = match inner.blocks.front() {
                None => (Sleep::Line, begin + wait),
                Some(block) if block.is_full() || linger.is_zero() => return inner.take(batch),
                Some(_) => {
                    let until = full_until.get_or_insert_with(|| Instant::now() + linger);
                    (Sleep::Block, *until)
                }
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return inner.take(batch);
            }
            inner.sleep = sleep;
            let woken = self.bell.wait_timeout(inner, left);
            (inner, _) = woken.unwrap_or_else(PoisonError::into_inner);
            inner.sleep = Sleep::No;
        }
    }

    /// Takes no more lines. Gives how many are left, which are forgotten.
    pub(super) fn close(&self) -> u64 {
        let mut inner = self.lock();
        let lines = inner.lines;
        *inner = Inner { closed: true, ..Inner::default() };
        lines
    }

    fn wake(&self, inner: MutexGuard<'_, Inner>) {
        let sleeps = inner.sleep != Sleep::No;
        drop(inner);
        if sleeps {
            self.bell.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is whole before anything in it could panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take(&mut self, batch: &mut Batch) -> Turn {
        let Some(block) = self.blocks.pop_front() else { return Turn::Nothing };
        self.lines = self.lines.saturating_sub(block.lines());
        self.bytes = self.bytes.saturating_sub(block.size());
        self.spare = std::mem::replace(batch, block).emptied();
        Turn::Lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn push(queue: &Queue, text: &str) -> Result<(), Refused> {
        queue.push(0, |line| line.extend_from_slice(text.as_bytes()))
    }

    fn lines(queue: &Queue) -> String {
        let mut batch = Batch::default();
        match queue.next(&mut batch, NONE, NONE) {
            Turn::Lines => String::from_utf8(batch.pending().to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_come_in_blocks_and_in_order() {
        let queue = Queue::new(1_000_000, 1 << 30);
        let long = "x".repeat(Batch::BYTES - 3) + "\n";
        for text in ["a\n", &long, "b\n", "c\n"] {
            push(&queue, text).unwrap();
        }
        assert_eq!(lines(&queue), "a\n".to_owned() + &long);
        push(&queue, "d\n").unwrap();
        assert_eq!(lines(&queue), "b\nc\nd\n");
        assert_eq!(queue.next(&mut Batch::default(), NONE, NONE), Turn::Nothing);
    }

    #[test]
    fn what_has_no_room_leaves_no_trace() {
        let queue = Queue::new(2, 200);
        push(&queue, "a\n").unwrap();
        assert_eq!(push(&queue, &"x".repeat(200)), Err(Refused::Full));
        push(&queue, "b\n").unwrap();
        assert_eq!(push(&queue, "c\n"), Err(Refused::Full));
        assert_eq!(lines(&queue), "a\nb\n");
        assert_eq!(push(&queue, &"x".repeat(200)), Err(Refused::Full));
        push(&queue, "d\n").unwrap();
        assert_eq!(lines(&queue), "d\n");
        push(&queue, "e\n").unwrap();
        assert_eq!((queue.close(), push(&queue, "f\n")), (1, Err(Refused::Closed)));
    }

    #[test]
    fn the_thread_is_woken_by_a_flush_and_by_much() {
        let queue = Queue::new(100, 1 << 30);
        std::thread::scope(|scope| {
            for (count, flush) in [(1, true), (60, false)] {
                let taker = scope.spawn(|| {
                    let mut batch = Batch::default();
                    let begin = Instant::now();
                    let turn = queue.next(&mut batch, Duration::from_secs(60), NONE);
                    assert!(begin.elapsed() < Duration::from_secs(30), "woken by nobody");
                    turn
                });
                while queue.lock().sleep == Sleep::No {
                    std::thread::yield_now();
                }
                (0..count).for_each(|_| push(&queue, "a\n").unwrap());
                if flush {
                    queue.flush();
                }
                assert_eq!(taker.join().unwrap(), Turn::Lines);
            }
        });
    }

    #[test]
    fn lines_linger_until_their_block_is_full_or_something_is_to_be_looked_at() {
        let queue = Queue::new(1_000_000, 1 << 30);
        let linger = Duration::from_millis(50);
        push(&queue, "a\n").unwrap();
        let begin = Instant::now();
        let mut batch = Batch::default();
        assert_eq!(queue.next(&mut batch, NONE, linger), Turn::Lines);
        assert!(begin.elapsed() >= linger);
        queue.look();
        push(&queue, "b\n").unwrap();
        let long = Duration::from_secs(60);
        assert_eq!(queue.next(&mut batch.emptied(), NONE, long), Turn::Look);
        push(&queue, &"x".repeat(Batch::BYTES)).unwrap();
        assert_eq!(queue.next(&mut Batch::default(), NONE, long), Turn::Lines);
    }
}
