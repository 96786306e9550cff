//! The Internet checksum (RFC 1071).

use std::net::IpAddr;

/// The one's complement sum of 16-bit words, folded; an odd last byte is the high one of its word.
fn sum(bytes: &[u8], before: u64) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut sum = before;
    for word in words {
        sum += u64::from(u32::from_be_bytes(*word));
    }
    let mut last = [0; 4];
    for (slot, byte) in last.iter_mut().zip(rest) {
        *slot = *byte;
    }
    fold(sum + u64::from(u32::from_be_bytes(last)))
}

fn fold(mut sum: u64) -> u16 {
    while let high @ 1.. = sum >> 16 {
        sum = (sum & 0xffff) + high;
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Whether a header that holds its own checksum is as it was sent.
pub(super) fn is_sound(header: &[u8]) -> bool {
    sum(header, 0) == u16::MAX
}

/// Whether a whole TCP segment is as it was sent, or has no checksum yet: a packet that never saw a
/// wire holds the sum of its pseudo header alone (Linux's `CHECKSUM_PARTIAL`).
pub(super) fn is_sound_segment(segment: &[u8], source: IpAddr, destination: IpAddr) -> bool {
    let len = u64::try_from(segment.len()).unwrap_or(u64::MAX);
    let addresses = match (source, destination) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            u64::from(sum(&from.octets(), 0)) + u64::from(sum(&to.octets(), 0))
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            u64::from(sum(&from.octets(), 0)) + u64::from(sum(&to.octets(), 0))
        }
        _ => return false,
    };
    let pseudo = fold(addresses + u64::from(super::ip::TCP) + len);
    let held = segment.get(16..18).and_then(|field| field.first_chunk()).copied();
    sum(segment, u64::from(pseudo)) == u16::MAX || held.map(u16::from_be_bytes) == Some(pseudo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        // Section 3: its sum is ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(sum(&bytes, 0), 0xddf2);
        assert!(is_sound(&[&bytes[..], &0x220d_u16.to_be_bytes()].concat()));
        assert!(!is_sound(&bytes));
        assert_eq!(sum(&[0xab], 0), 0xab00);
    }

    #[test]
    fn a_segment_with_its_checksum_or_none_yet() {
        let (source, destination) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut segment = vec![0; 21];
        (segment[1], segment[12], segment[20]) = (80, 0x50, 7);
        let mut with = |checksum: u16| {
            segment[16..18].copy_from_slice(&checksum.to_be_bytes());
            is_sound_segment(&segment, source, destination)
        };
        // c000 + 0201 + c000 + 0202 + 0006 + 0015 = 1841e, folded 841f.
        assert!(with(0x841f), "none yet");
        // And 0050 + 5000 + 0700 = db6f.
        assert!(with(!0xdb6f));
        assert!(!with(0) && !with(0x841e));
    }
}
