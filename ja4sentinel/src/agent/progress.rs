//! Whether what the kernel hands up is being taken.

/// Looked at now and then, after everything that waited was taken.
#[derive(Debug, Default)]
pub(super) struct Progress {
    handed_up: u64,
    taken: u64,
    /// The kernel has handed something up since frames were last taken.
    owed: bool,
}

impl Progress {
    /// Given what the source's counters say was handed up, and how many frames were taken, over all:
    /// whether the reading goes on. It does not when something was handed up before the last look
    /// and no frame has been taken since: frames counted just now may still be on their way.
    pub(super) fn look(&mut self, handed_up: u64, taken: u64) -> bool {
        let moved = taken != self.taken;
        let stuck = self.owed && !moved;
        self.owed = stuck || (!moved && handed_up != self.handed_up);
        self.handed_up = handed_up;
        self.taken = taken;
        !stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_busy_and_late_are_progress_and_stuck_is_not() {
        let mut progress = Progress::default();
        let mut look = |handed_up, taken| progress.look(handed_up, taken);
        assert!(look(0, 0), "idle");
        assert!(look(5, 9), "busy");
        assert!(look(5, 9), "idle again");
        assert!(look(6, 9), "on its way");
        assert!(look(6, 10), "there");
        assert!(look(7, 10), "on its way, it seems");
        assert!(!look(7, 10), "stuck");
        assert!(!look(7, 10), "still");
        assert!(look(9, 11), "it goes on");
        assert!(look(9, 11));
    }
}
