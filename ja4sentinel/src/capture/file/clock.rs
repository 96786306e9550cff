//! Time stamps of a pcapng interface.

/// How an interface counts time (pcapng options if_tsresol and if_tsoffset).
pub(super) struct Clock {
    resolution: Resolution,
    offset_ns: i64,
}

enum Resolution {
    /// Nanoseconds in a tick.
    Coarse(u64),
    /// Ticks in a nanosecond.
    Fine(u128),
    /// Ticks in a second, as a power of two.
    Binary(u32),
}

impl Clock {
    /// `resolution` is the option's byte: a negative power of 10, or of 2 with the high bit set.
    pub(super) fn new(resolution: u8, offset_seconds: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let resolution = if resolution & 0x80 != 0 {
            Resolution::Binary(power)
        } else if let Some(coarser) = 9_u32.checked_sub(power) {
            Resolution::Coarse(10_u64.pow(coarser))
        } else {
            // Where the power overflows, no count of ticks is a nanosecond.
            Resolution::Fine(10_u128.checked_pow(power - 9).unwrap_or(u128::MAX))
        };
        Self { resolution, offset_ns: offset_seconds.saturating_mul(1_000_000_000) }
    }

    /// Nanoseconds since the UNIX epoch of a time stamp.
    pub(super) fn nanoseconds(&self, ticks: u64) -> u64 {
        let plain = match self.resolution {
            Resolution::Coarse(factor) => ticks.saturating_mul(factor),
            Resolution::Fine(divisor) => {
                u64::try_from(u128::from(ticks) / divisor).unwrap_or(u64::MAX)
            }
            Resolution::Binary(power) => {
                // The product has at most 94 bits, a power at most 127.
                let nanoseconds = (u128::from(ticks) * 1_000_000_000) >> power;
                u64::try_from(nanoseconds).unwrap_or(u64::MAX)
            }
        };
        plain.saturating_add_signed(self.offset_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_resolutions() {
        assert_eq!(Clock::new(6, 0).nanoseconds(1_500_000), 1_500_000_000);
        assert_eq!(Clock::new(9, 0).nanoseconds(7), 7);
        assert_eq!(Clock::new(12, 0).nanoseconds(7_999), 7);
        assert_eq!(Clock::new(0, 0).nanoseconds(3), 3_000_000_000);
        assert_eq!(Clock::new(127, 0).nanoseconds(u64::MAX), 0);
        assert_eq!(Clock::new(0x80 | 10, 0).nanoseconds(1536), 1_500_000_000);
        assert_eq!(Clock::new(0xff, 0).nanoseconds(u64::MAX), 0);
    }

    #[test]
    fn offsets_and_overflow_saturate() {
        assert_eq!(Clock::new(9, 2).nanoseconds(5), 2_000_000_005);
        assert_eq!(Clock::new(9, -1).nanoseconds(2_000_000_000), 1_000_000_000);
        assert_eq!(Clock::new(9, -3).nanoseconds(5), 0);
        assert_eq!(Clock::new(0, i64::MAX).nanoseconds(u64::MAX), u64::MAX);
    }
}
