//! Numbers as text, appended without allocation.

/// The hex digit of the low four bits.
pub(super) fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value & 0x0f), 16).unwrap_or('0')
}

/// Two lower-case hex digits a byte.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(hex_digit(byte >> 4));
        text.push(hex_digit(*byte));
    }
}

/// Decimal, without padding.
pub(super) fn push_decimal(text: &mut String, value: u16) {
    let first = [10_000, 1_000, 100, 10].into_iter().filter(|place| value >= *place);
    for place in first.chain([1]) {
        text.push(char::from_digit(u32::from(value / place % 10), 10).unwrap_or('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_of_the_standard_library() {
        for value in 0..=u16::MAX {
            let mut text = String::new();
            push_decimal(&mut text, value);
            assert_eq!(text, value.to_string());
        }
    }
}
