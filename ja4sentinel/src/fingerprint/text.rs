//! Numbers as ASCII text, appended without allocation.

/// The lower-case hex digit of the low four bits.
pub(super) fn hex_digit(value: u8) -> u8 {
    const BEHIND_NINE: u8 = b'a' - b'9' - 1;
    let digit = value & 0x0f;
    b'0' + digit + BEHIND_NINE * u8::from(digit > 9)
}

/// Two lower-case hex digits a byte.
pub(super) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        text.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(*byte)]);
    }
}

/// Four lower-case hex digits.
pub(crate) fn hex(value: u16) -> String {
    let mut text = Vec::with_capacity(4);
    push_hex(&mut text, &value.to_be_bytes());
    into_string(text)
}

/// Four lower-case hex digits a value, joined by commas.
pub(super) fn push_hex_list(text: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    let begin = text.len();
    for value in values {
        let [high, low] = value.to_be_bytes();
        text.extend_from_slice(&[
            hex_digit(high >> 4),
            hex_digit(high),
            hex_digit(low >> 4),
            hex_digit(low),
            b',',
        ]);
    }
    // The last comma, if there is one, joins nothing.
    text.truncate(text.len().saturating_sub(1).max(begin));
}

/// Decimal, without padding.
pub(super) fn push_decimal(text: &mut Vec<u8>, value: u16) {
    text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
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
            assert_eq!(hex(value), format!("{value:04x}"));
        }
    }

    #[test]
    fn lists_are_joined() {
        for (values, joined) in
            [(&[][..], "x"), (&[0xabcd], "xabcd"), (&[1, 0xfe0d, 0xa0], "x0001,fe0d,00a0")]
        {
            let mut text = b"x".to_vec();
            push_hex_list(&mut text, values.iter().copied());
            assert_eq!(into_string(text), joined);
        }
    }
}
