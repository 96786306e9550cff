//! From the kernel's time since boot to the wall clock and back.

use nix::time::{ClockId, clock_gettime};

/// How often the distance between the two clocks is measured.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Differences below this one are the measurement's own: both clocks run at the same rate, and the
/// distance changes by jumps alone, when the wall clock is set.
const NOISE_NS: u64 = 100_000;

/// The distance from `CLOCK_BOOTTIME` to `CLOCK_REALTIME`.
#[derive(Debug)]
pub(super) struct Clock {
    offset_ns: i64,
    measured_ns: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        let mut clock = Self { offset_ns: 0, measured_ns: 0 };
        clock.measure();
        clock
    }

    /// Wall-clock time (nanoseconds since the UNIX epoch) of a time since boot. The distance is
    /// measured again when that is later than the last measurement by a second.
    pub(super) fn wall(&mut self, boot_ns: u64) -> u64 {
        if boot_ns > self.measured_ns.saturating_add(INTERVAL_NS) {
            self.measure();
        }
        boot_ns.saturating_add_signed(self.offset_ns)
    }

    /// The inverse.
    pub(super) fn boot(&self, wall_ns: u64) -> u64 {
        wall_ns.saturating_add_signed(self.offset_ns.saturating_neg())
    }

    fn measure(&mut self) {
        let before = now(ClockId::CLOCK_BOOTTIME);
        let wall = now(ClockId::CLOCK_REALTIME);
        let after = now(ClockId::CLOCK_BOOTTIME);
        let middle = before.midpoint(after);
        let offset = wall.cast_signed().saturating_sub(middle.cast_signed());
        if offset.abs_diff(self.offset_ns) > NOISE_NS {
            self.offset_ns = offset;
        }
        self.measured_ns = after;
    }
}

/// Nanoseconds of a clock; both clocks exist on every kernel that loads the program.
fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).map(std::time::Duration::from).unwrap_or_default();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_there_and_back_exactly() {
        let mut clock = Clock::new();
        let boot = now(ClockId::CLOCK_BOOTTIME);
        let wall = clock.wall(boot);
        let real = now(ClockId::CLOCK_REALTIME);
        assert!(real.abs_diff(wall) < 1_000_000_000, "{wall} is not about {real}");
        assert_eq!(clock.boot(wall), boot);
        assert_eq!(clock.wall(boot), wall);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_within_a_second() {
        let mut clock = Clock::new();
        let right = clock.wall(now(ClockId::CLOCK_BOOTTIME));
        clock.offset_ns -= 3_600_000_000_000;
        clock.measured_ns -= 2 * INTERVAL_NS;
        let again = clock.wall(now(ClockId::CLOCK_BOOTTIME));
        assert!(again.abs_diff(right) < 60_000_000_000, "{again} is not about {right}");
    }
}
