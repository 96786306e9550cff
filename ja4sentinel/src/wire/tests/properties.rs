//! What holds for all bytes.

use proptest::prelude::*;

use super::*;

/// A frame of every nesting that the strategies can reach, with its link type.
fn valid() -> impl Strategy<Value = (u16, Vec<u8>, Vec<u8>)> {
    let payload = proptest::collection::vec(any::<u8>(), 0..80);
    let options = proptest::collection::vec(any::<u8>(), 0..10).prop_map(|mut words| {
        words.resize(words.len() / 4 * 4, 1);
        words
    });
    (payload, options, any::<bool>(), 0..8usize, 0..4usize, 0..4u16).prop_map(
        |(payload, options, v6, tunnel, link, tags)| {
            let tcp = tcp_with(0x18, &options, &payload);
            let (mut kind, mut ip) =
                if v6 { (0x86dd, ipv6(6, &tcp)) } else { (0x0800, ipv4(6, &tcp)) };
            let own = if v6 { 41 } else { 4 };
            match tunnel {
                0 => (kind, ip) = (0x0800, ipv4(own, &ip)),
                1 => (kind, ip) = (0x86dd, ipv6(own, &ip)),
                2 => {
                    let inner = join(&[&[8, 0, 0, 0, 0, 0, 1, 0], &eth(kind, &ip)]);
                    (kind, ip) = (0x0800, ipv4(17, &udp(4789, &inner)));
                }
                3 => {
                    let inner = join(&[&[0x20, 0], &u16::to_be_bytes(kind), &[0; 4], &ip]);
                    (kind, ip) = (0x86dd, ipv6(47, &inner));
                }
                _ => {}
            }
            for id in 0..tags {
                (kind, ip) = (0x8100, tag(id, kind, &ip));
            }
            let (link, bytes) = match link {
                0 => (113, join(&[&[0; 14], &kind.to_be_bytes(), &ip])),
                1 => (276, join(&[&kind.to_be_bytes(), &[0; 18], &ip])),
                2 => (104, join(&[&[0x0f, 0], &kind.to_be_bytes(), &ip])),
                _ => (1, eth(kind, &ip)),
            };
            (link, bytes, payload)
        },
    )
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        link in prop_oneof![Just(1u16), 0..300u16],
        depth in any::<u8>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        original_len in any::<u32>(),
        skipped_payload in prop_oneof![Just(0u32), any::<u32>()],
    ) {
        let frame = Frame {
            original_len, skipped_payload, ..frame(LinkType(link), &bytes)
        };
        let _ = decode(&frame, depth);
    }

    #[test]
    fn changed_frames_never_panic(
        (link, mut bytes, _) in valid(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(Packet::Segment(segment)) = decode(&frame(LinkType(link), &bytes), 8) {
            for option in segment.options {
                prop_assert!(option.data.len() < 40);
            }
            prop_assert!(segment.payload.len() <= bytes.len());
        }
    }

    #[test]
    fn a_whole_frame_gives_its_payload((link, bytes, payload) in valid()) {
        let segment = segment(decode(&frame(LinkType(link), &bytes), 8));
        prop_assert_eq!(segment.payload, &payload);
        prop_assert_eq!(segment.missing, 0);
    }

    #[test]
    fn a_truncated_frame_gives_a_prefix_and_says_what_is_missing(
        (link, bytes, payload) in valid(),
        at in any::<proptest::sample::Index>(),
        honest in any::<bool>(),
    ) {
        let cut = &bytes[..at.index(bytes.len())];
        let original_len = if honest { bytes.len() } else { cut.len() } as u32;
        let frame = Frame { original_len, ..frame(LinkType(link), cut) };
        match decode(&frame, 8) {
            Ok(Packet::Segment(segment)) => {
                prop_assert!(payload.starts_with(segment.payload));
                prop_assert!(segment.missing > 0);
                prop_assert_eq!(segment.payload.len() + segment.missing as usize, payload.len());
            }
            Ok(Packet::Fragment(fragment)) => prop_assert!(false, "{:?}", fragment),
            Err(cause) if honest => prop_assert_eq!(cause, WireError::CutInHeader),
            // A UDP header too short to name a tunnel is the one foreign cause.
            Err(cause) => prop_assert!(!cause.is_foreign() || cause == WireError::NotTcp),
        }
    }
}
