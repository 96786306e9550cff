//! A capture file that several workers go through together, each for its own part.
//!
//! Whoever comes to an end with what was read reads on, for all of them, and some blocks at once: to
//! wake a worker that waits costs more than to read a block.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use ja4sentinel::capture::file::{Block, Blocks, CaptureFile, FileError};

use super::progress::Progress;

/// A worker with so few blocks left reads on: while it does, the others still have something.
const FEW: usize = 2;

/// Blocks that wait for a worker at most, of some hundred KiB each: so far one may be behind.
const MOST: usize = 16;

/// The file, and what was read of it.
pub(super) struct SharedFile<'p> {
    state: Mutex<State<'p>>,
    changed: Condvar,
}

struct State<'p> {
    /// Not here while somebody reads.
    source: Option<Source<'p>>,
    /// What waits for each worker, in the order of the file; nothing any more for one that has gone.
    waiting: Vec<Option<VecDeque<Arc<Block>>>>,
    /// Blocks that all have gone through.
    spent: Vec<Block>,
    ended: Option<Result<(), FileError>>,
}

struct Source<'p> {
    blocks: Blocks,
    progress: &'p Progress,
}

/// One worker's part of it.
pub(super) struct Part<'s, 'p> {
    file: &'s SharedFile<'p>,
    worker: usize,
}

impl<'p> SharedFile<'p> {
    pub(super) fn new(file: CaptureFile, workers: usize, progress: &'p Progress) -> Self {
        let state = State {
            source: Some(Source { blocks: Blocks::of(file, workers), progress }),
            waiting: vec![Some(VecDeque::new()); workers],
            spent: Vec::new(),
            ended: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn part(&self, worker: usize) -> Part<'_, 'p> {
        Part { file: self, worker }
    }

    /// How the reading ended.
    pub(super) fn ended(self) -> Result<(), FileError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.ended.unwrap_or(Ok(()))
    }

    fn lock(&self) -> MutexGuard<'_, State<'p>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads for everybody, as much as may wait.
    fn read(&self, mut source: Source<'p>) {
        loop {
            let mut block = self.lock().spent.pop().unwrap_or_default();
            let read = source.blocks.read(&mut block);
            source.progress.is_at(source.blocks.file());
            let mut state = self.lock();
            state.hand_out(&Arc::new(block));
            match read {
                Ok(true) if state.most() < MOST => continue,
                Ok(true) => state.source = Some(source),
                Ok(false) => state.ended = Some(Ok(())),
                Err(fault) => state.ended = Some(Err(fault)),
            }
            break;
        }
        self.changed.notify_all();
    }
}

impl Part<'_, '_> {
    /// The next block; `None` when the file has ended.
    pub(super) fn next(&self) -> Option<Arc<Block>> {
        let mut state = self.file.lock();
        loop {
            let room = state.most() <= MOST / 2;
            let State { source, waiting, ended, .. } = &mut *state;
            let left = waiting.get_mut(self.worker)?.as_mut()?;
            if let Some(source) = source.take_if(|_| room && left.len() <= FEW) {
                drop(state);
                self.file.read(source);
                state = self.file.lock();
            } else if let Some(block) = left.pop_front() {
                // Somebody may wait for room.
                if left.len() == MOST / 2 {
                    self.file.changed.notify_all();
                }
                return Some(block);
            } else if ended.is_some() {
                return None;
            } else {
                state = self.file.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    /// Gives a block back, which the last of all makes free for others.
    pub(super) fn done(&self, block: Arc<Block>) {
        if let Some(block) = Arc::into_inner(block) {
            self.file.lock().spent.push(block);
        }
    }
}

impl Drop for Part<'_, '_> {
    /// Nobody waits for one that has gone. After a panic all shall end, so that it is seen.
    fn drop(&mut self) {
        let mut state = self.file.lock();
        if let Some(waiting) = state.waiting.get_mut(self.worker) {
            *waiting = None;
        }
        if thread::panicking() {
            state.ended.get_or_insert(Ok(()));
        }
        self.file.changed.notify_all();
    }
}

impl State<'_> {
    /// Blocks that wait for the one who is behind.
    fn most(&self) -> usize {
        self.waiting.iter().flatten().map(VecDeque::len).max().unwrap_or_default()
    }

    fn hand_out(&mut self, block: &Arc<Block>) {
        for waiting in self.waiting.iter_mut().flatten() {
            waiting.push_back(Arc::clone(block));
        }
    }
}
