//! Numbers as ASCII text, appended without allocation.

/// The lower-case hex digit of the low four bits.
pub(super) fn hex_digit(value: u8) -> u8 {
    match value & 0x0f {
        digit @ ..=9 => b'0' + digit,
        letter => b'a' - 10 + letter,
    }
}

/// Two lower-case hex digits a byte.
pub(super) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(*byte)]);
    }
}

/// Decimal, without padding.
pub(super) fn push_decimal(text: &mut Vec<u8>, value: u16) {
    let places = [10_000, 1_000, 100, 10].into_iter().filter(|place| value >= *place);
    for place in places.chain([1]) {
        text.push(b'0' + (value / place % 10) as u8);
    }
}

/// Text that was put together from the functions above.
pub(super) fn into_string(text: Vec<u8>) -> String {
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for value in 0..=u16::MAX {
            let mut text = Vec::new();
            push_decimal(&mut text, value);
            text.push(b' ');
            push_hex(&mut text, &value.to_be_bytes());
            assert_eq!(into_string(text), format!("{value} {value:04x}"));
        }
    }
}
