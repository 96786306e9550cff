//! Numbers as ASCII text, appended without allocation.

/// The lower-case hex digit of the low four bits.
pub(super) const fn hex_digit(value: u8) -> u8 {
    const BEHIND_NINE: u8 = b'a' - b'9' - 1;
    let digit = value & 0x0f;
    b'0' + digit + BEHIND_NINE * (digit > 9) as u8
}

/// The two lower-case hex digits of every byte.
const HEX: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut rest: &mut [[u8; 2]] = &mut table;
    let mut byte = 0;
    while let Some((pair, others)) = rest.split_first_mut() {
        *pair = [hex_digit(byte >> 4), hex_digit(byte)];
        byte = byte.wrapping_add(1);
        rest = others;
    }
    table
};

/// The two lower-case hex digits of a byte.
#[inline]
fn hex_pair(byte: u8) -> [u8; 2] {
    HEX.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Two lower-case hex digits a byte.
pub(super) fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        text.extend_from_slice(&hex_pair(*byte));
    }
}

/// Four lower-case hex digits, ASCII.
pub(crate) fn hex(value: u16) -> [u8; 4] {
    let [high, low] = value.to_be_bytes();
    let ([a, b], [c, d]) = (hex_pair(high), hex_pair(low));
    [a, b, c, d]
}

/// Four lower-case hex digits a value, joined by commas.
pub(super) fn push_hex_list(text: &mut Vec<u8>, values: &[u16]) {
    const EACH: usize = 5;
    let begin = text.len();
    // Room for all at once, which is then filled without a look at the end for each value.
    text.resize(begin + EACH * values.len(), b',');
    let room = text.get_mut(begin..).unwrap_or_default();
    for (place, value) in room.as_chunks_mut::<EACH>().0.iter_mut().zip(values) {
        let [a, b, c, d] = hex(*value);
        *place = [a, b, c, d, b','];
    }
    // The last comma, if there is one, joins nothing.
    text.truncate(text.len().saturating_sub(1).max(begin));
}

/// A comma, then the values in decimal, without padding, joined by `-`.
pub(super) fn push_decimal_field(text: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    let begin = text.len();
    for value in values {
        push_decimal(text, b'-', value);
    }
    match text.get_mut(begin) {
        Some(joint) => *joint = b',',
        None => text.push(b','),
    }
}

/// One character, and a value in decimal, without padding.
#[inline]
fn push_decimal(text: &mut Vec<u8>, joint: u8, value: u16) {
    let digit = |unit: u16| b'0' + (value / unit % 10).to_le_bytes()[0];
    let (a, b, c, d, e) = (digit(10_000), digit(1000), digit(100), digit(10), digit(1));
    match value {
        10_000.. => text.extend_from_slice(&[joint, a, b, c, d, e]),
        1000.. => text.extend_from_slice(&[joint, b, c, d, e]),
        100.. => text.extend_from_slice(&[joint, c, d, e]),
        10.. => text.extend_from_slice(&[joint, d, e]),
        _ => text.extend_from_slice(&[joint, e]),
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
            push_decimal(&mut text, b'+', value);
            text.push(b' ');
            push_hex(&mut text, &value.to_be_bytes());
            assert_eq!(into_string(text), format!("+{value} {value:04x}"));
            assert_eq!(hex(value), format!("{value:04x}").as_bytes());
        }
    }

    #[test]
    fn lists_are_joined() {
        for (values, joined) in
            [(&[][..], "x"), (&[0xabcd], "xabcd"), (&[1, 0xfe0d, 0xa0], "x0001,fe0d,00a0")]
        {
            let mut text = b"x".to_vec();
            push_hex_list(&mut text, values);
            assert_eq!(into_string(text), joined);
        }
        for (values, joined) in
            [(&[][..], "x,"), (&[7], "x,7"), (&[1, 65535, 100], "x,1-65535-100")]
        {
            let mut text = b"x".to_vec();
            push_decimal_field(&mut text, values.iter().copied());
            assert_eq!(into_string(text), joined);
        }
    }
}
