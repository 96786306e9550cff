//! Handles that others took the place of, until what is in their buffers is read.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use super::handle::Handle;

/// Handles to be read to their end before any other, oldest first.
///
/// Where interfaces are to be opened in another way, the new handles are opened beside the old ones,
/// so that nothing is lost in between. For a moment both capture; what comes in after that is read
/// from the new ones only.
#[derive(Default)]
pub(super) struct Retired(VecDeque<(Handle, Until)>);

/// The time of the first packet that is left to the handle's successor, nanoseconds since the UNIX
/// epoch; not known before there is one.
type Until = Option<u64>;

impl Retired {
    /// Takes a handle whose successor is about to be opened.
    pub(super) fn push(&mut self, handle: Handle) {
        self.0.push_back((handle, None));
    }

    /// All successors are capturing.
    pub(super) fn succeed(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let now = u64::try_from(now).unwrap_or(u64::MAX);
        for (_, until) in &mut self.0 {
            until.get_or_insert(now);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The handle that is to be read next, if there is any.
    pub(super) fn front(&mut self) -> Option<&mut Handle> {
        self.0.front_mut().map(|(handle, _)| handle)
    }

    /// Whether a packet of the front one, captured at `time_ns`, is left to its successor.
    pub(super) fn is_over(&self, time_ns: u64) -> bool {
        let until = self.0.front().and_then(|(_, until)| *until);
        until.is_some_and(|until| time_ns >= until)
    }

    /// Takes out the front one, of which nothing more is wanted.
    pub(super) fn pop(&mut self) -> Option<Handle> {
        self.0.pop_front().map(|(handle, _)| handle)
    }
}
