//! Numbers as ASCII text, appended without allocation.

use arrayvec::ArrayString;

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

/// Two lower-case hex digits a byte, as many as asked for.
pub(super) fn hex_digits<const DIGITS: usize>(bytes: &[u8]) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for (place, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *place = hex_pair(*byte);
    }
    digits
}

/// Four lower-case hex digits, ASCII.
pub(crate) fn hex(value: u16) -> [u8; 4] {
    let [high, low] = value.to_be_bytes();
    let ([a, b], [c, d]) = (hex_pair(high), hex_pair(low));
    [a, b, c, d]
}

/// Four lower-case hex digits a value, joined by commas.
pub(super) fn push_hex_list(text: &mut Vec<u8>, values: impl ExactSizeIterator<Item = u16>) {
    const EACH: usize = 5;
    let begin = text.len();
    // Room for all at once, which is then filled without a look at the end for each value.
    text.resize(begin + EACH * values.len(), b',');
    let room = text.get_mut(begin..).unwrap_or_default();
    for (place, value) in room.as_chunks_mut::<EACH>().0.iter_mut().zip(values) {
        let [a, b, c, d] = hex(value);
        *place = [a, b, c, d, b','];
    }
    // The last comma, if there is one, joins nothing.
    text.truncate(text.len().saturating_sub(1).max(begin));
}

/// A comma, then the values in decimal, without padding, joined by `-`.
pub(super) fn push_decimal_field(text: &mut Vec<u8>, values: impl ExactSizeIterator<Item = u16>) {
    const EACH: usize = 6;
    let begin = text.len();
    // Room for the longest, which is then filled without a look at the end for each value.
    text.resize(begin + (EACH * values.len()).max(1), b',');
    let mut end = begin;
    for value in values {
        let (digits, len) = decimal(value);
        let [a, b, c, d, e, ..] = digits.to_le_bytes();
        if let Some(place) = text.get_mut(end..).and_then(<[u8]>::first_chunk_mut::<EACH>) {
            *place = [b'-', a, b, c, d, e];
        }
        end += 1 + len;
    }
    text.truncate(end.max(begin + 1));
    if let Some(joint) = text.get_mut(begin) {
        *joint = b',';
    }
}

/// The three digits of every number below 1000, the first in the lowest byte.
const THREE_DIGITS: [u32; 1000] = {
    let mut table = [0; 1000];
    let mut rest: &mut [u32] = &mut table;
    let mut number = 0;
    while let Some((digits, others)) = rest.split_first_mut() {
        *digits = 0x30_3030 | (number / 100) | ((number / 10 % 10) << 8) | ((number % 10) << 16);
        number += 1;
        rest = others;
    }
    table
};

/// A value's decimal digits, the first in the lowest byte, and how many there are. Without a branch:
/// lengths follow each other at random.
#[inline]
fn decimal(value: u16) -> (u64, usize) {
    let three =
        |number: u16| u64::from(THREE_DIGITS.get(usize::from(number)).copied().unwrap_or(0));
    let six = three(value / 1000) | three(value % 1000) << 24;
    let len =
        1 + [10, 100, 1_000, 10_000].map(|least| usize::from(value >= least)).iter().sum::<usize>();
    (six >> (8 * (6 - len)), len)
}

/// Bytes that are ASCII, as text.
pub(super) fn ascii<const LEN: usize>(bytes: &[u8; LEN]) -> ArrayString<LEN> {
    ArrayString::from_byte_string(bytes).unwrap_or_default()
}

/// The memory of a text that is not needed any more, with room for so many bytes.
pub(super) fn emptied(text: &mut String, room: usize) -> Vec<u8> {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.clear();
    bytes.reserve(room);
    bytes
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
            push_decimal_field(&mut text, [value].into_iter());
            text.extend_from_slice(&hex_digits::<4>(&value.to_be_bytes()));
            assert_eq!(into_string(text), format!(",{value}{value:04x}"));
            assert_eq!(hex(value), format!("{value:04x}").as_bytes());
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
        for (values, joined) in
            [(&[][..], "x,"), (&[7], "x,7"), (&[1, 65535, 100], "x,1-65535-100")]
        {
            let mut text = b"x".to_vec();
            push_decimal_field(&mut text, values.iter().copied());
            assert_eq!(into_string(text), joined);
        }
    }
}
