//! GREASE values (RFC 8701), which no fingerprint holds.

/// Whether `value` is one of the sixteen reserved 16-bit values 0a0a, 1a1a, … fafa.
///
/// Both bytes are equal and end in `a`; the mask `0f0f` alone would also take 0a1a. Both are looked at
/// always, without a branch, so that a list can be looked at several values at a time.
pub(super) fn is_grease(value: u16) -> bool {
    (value & 0x0f0f == 0x0a0a) & (value == value.swap_bytes())
}

/// `values` without GREASE.
pub(super) fn without_grease(
    values: impl Iterator<Item = u16> + Clone,
) -> impl Iterator<Item = u16> + Clone {
    values.filter(|value| !is_grease(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_sixteen_values() {
        let all: Vec<u16> = (0..=u16::MAX).filter(|value| is_grease(*value)).collect();
        let reserved: Vec<u16> = (0..16).map(|i| 0x0a0a + 0x1010 * i).collect();
        assert_eq!(all, reserved);
    }
}
