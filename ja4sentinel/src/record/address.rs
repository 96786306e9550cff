//! IP addresses as text, without the machinery of the standard library's formatting.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use crate::fingerprint::hex;

/// Appends an address as the standard library prints it: IPv6 by RFC 5952.
pub(super) fn push_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for octet in address.octets() {
                push_dotted(text, octet);
            }
            // The last dot.
            text.pop();
        }
        IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => {
            text.extend_from_slice(address.to_string().as_bytes());
        }
        IpAddr::V6(address) => push_groups(text, address),
    }
}

/// The digits of every octet, a dot, and the length of both.
const DOTTED: [([u8; 4], u8); 256] = {
    let mut table = [([0; 4], 0); 256];
    let mut rest: &mut [_] = &mut table;
    let mut octet = 0_u8;
    while let Some((entry, others)) = rest.split_first_mut() {
        let [a, b, c] = [b'0' + octet / 100, b'0' + octet / 10 % 10, b'0' + octet % 10];
        *entry = match octet {
            0..10 => ([c, b'.', 0, 0], 2),
            10..100 => ([b, c, b'.', 0], 3),
            100.. => ([a, b, c, b'.'], 4),
        };
        octet = octet.wrapping_add(1);
        rest = others;
    }
    table
};

/// Appends an octet of an IPv4 address and the dot behind it: always four bytes, of which some go
/// again, since copies of a fixed length cost next to nothing.
fn push_dotted(text: &mut Vec<u8>, octet: u8) {
    let (digits, len) = DOTTED.get(usize::from(octet)).copied().unwrap_or_default();
    let end = text.len() + usize::from(len);
    text.extend_from_slice(&digits);
    text.truncate(end);
}

/// Appends a number below 256 in decimal, in the same way.
pub(super) fn push_octet(text: &mut Vec<u8>, octet: u8) {
    push_dotted(text, octet);
    text.pop();
}

fn push_groups(text: &mut Vec<u8>, address: Ipv6Addr) {
    let groups = address.segments();
    let gap = gap(&groups);
    for (at, group) in groups.into_iter().enumerate() {
        if at == gap.start && !gap.is_empty() {
            text.extend_from_slice(b"::");
        }
        if gap.contains(&at) {
            continue;
        }
        if at > 0 && at != gap.end {
            text.push(b':');
        }
        push_group(text, group);
    }
}

/// The longest run of groups that are zero, the first of several; a single one is printed (RFC
/// 5952, section 4.2).
fn gap(groups: &[u16; 8]) -> Range<usize> {
    let (mut longest, mut run) = (groups.len()..groups.len(), 0..0);
    for (at, group) in groups.iter().enumerate() {
        run = if *group != 0 { at + 1..at + 1 } else { run.start..at + 1 };
        if run.len() > longest.len().max(1) {
            longest = run.clone();
        }
    }
    longest
}

/// Appends the digits of a group without leading zeros, as [`push_dotted`] does.
fn push_group(text: &mut Vec<u8>, group: u16) {
    let leading = (group.leading_zeros() / 4).min(3);
    let digits = u32::from_le_bytes(hex(group)) >> (8 * leading);
    let end = text.len() + 4 - leading as usize;
    text.extend_from_slice(&digits.to_le_bytes());
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_as_the_standard_library_says(address: IpAddr) {
        let mut text = b"x".to_vec();
        push_address(&mut text, address);
        assert_eq!(str::from_utf8(&text).unwrap(), format!("x{address}"));
    }

    #[test]
    fn octets_and_addresses_of_every_form() {
        for octet in 0..=u8::MAX {
            let mut text = b"x".to_vec();
            push_octet(&mut text, octet);
            assert_eq!(str::from_utf8(&text).unwrap(), format!("x{octet}"));
        }
        for address in
            ["0.0.0.0", "9.10.99.100", "255.200.1.0", "::", "::1", "1::", "::ffff:1.2.3.4"]
        {
            assert_as_the_standard_library_says(address.parse().unwrap());
        }
    }

    proptest! {
        #[test]
        fn any_address(octets: [u8; 4], groups in prop::array::uniform8(prop_oneof![Just(0_u16), 0_u16..300, any::<u16>()])) {
            assert_as_the_standard_library_says(IpAddr::from(octets));
            assert_as_the_standard_library_says(IpAddr::from(groups));
        }
    }
}
