//! The shortcut says what the general way says, or nothing.

use proptest::prelude::*;

use super::super::decode::decode_any;
use super::super::usual;
use super::*;

/// A frame that the shortcut is for, with its checksums.
fn plain(v6: bool, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let tcp = tcp_with(0x18, options, payload);
    let (kind, datagram) = if v6 { (0x86dd, ipv6(6, &tcp)) } else { (0x0800, ipv4(6, &tcp)) };
    eth(kind, &sealed(datagram))
}

/// The shortcut's segment; it has to be that of the general way.
fn checked<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    let shortcut = usual::segment(frame)?;
    let general = segment(decode_any(frame, 8));
    assert_eq!(format!("{shortcut:?}"), format!("{general:?}"));
    Some(shortcut)
}

#[test]
fn the_shortcut_is_taken_by_what_it_is_for() {
    for v6 in [false, true] {
        for options in [&[][..], &[1; 4], &[1; 40]] {
            for payload in [&[][..], PAYLOAD] {
                let bytes = plain(v6, options, payload);
                for vlan in [None, Some(VlanTag { tci: 0x2000 }), Some(VlanTag { tci: 7 })] {
                    for unverified in [false, true] {
                        let whole = frame(LinkType::ETHERNET, &bytes);
                        let frame = Frame { vlan, unverified, ..whole };
                        assert_eq!(checked(&frame).unwrap().payload, payload);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_doubted_or_goes_on_elsewhere_takes_the_general_way() {
    let mut damaged = plain(false, &[], PAYLOAD);
    *damaged.last_mut().unwrap() ^= 1;
    let doubted = Frame { unverified: true, ..frame(LinkType::ETHERNET, &damaged) };
    assert!(usual::segment(&doubted).is_none());
    let bytes = plain(false, &[], PAYLOAD);
    let plain = frame(LinkType::ETHERNET, &bytes);
    assert!(usual::segment(&Frame { skipped_payload: 1, ..plain }).is_none());
    assert!(usual::segment(&Frame { link: LinkType::RAW, ..plain }).is_none());
}

proptest! {
    #[test]
    fn a_changed_frame_is_the_same_either_way(
        v6: bool,
        words in 0..11usize,
        payload in proptest::collection::vec(any::<u8>(), 0..80),
        changes in proptest::collection::vec((0..80usize, any::<u8>()), 0..4),
        cut in 0..200usize,
        original_len in prop_oneof![Just(0u32), any::<u32>()],
        tci in proptest::option::of(any::<u16>()),
        unverified: bool,
        whole: bool,
    ) {
        let mut bytes = plain(v6, &vec![1; 4 * words.min(10)], &payload);
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(bytes.len().min(cut.max(14)));
        let vlan = tci.map(|tci| VlanTag { tci });
        let frame = Frame { vlan, unverified, ..frame(LinkType::ETHERNET, &bytes) };
        let original_len = if whole { frame.original_len } else { original_len };
        checked(&Frame { original_len, ..frame });
    }
}
