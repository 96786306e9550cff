//! One frame of any link type.

use super::choices;
use crate::wire::{Frame, LinkType, Packet, decode};

/// Link types that a capture may have, unknown ones included.
const LINKS: [LinkType; 10] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::IPV4,
    LinkType(65_000),
];

/// Decodes one frame. The payload lies inside of the captured bytes, and it does not depend on
/// bytes behind the datagram.
pub fn frame(data: &[u8]) {
    let ([link, depth, cut], bytes) = choices(data);
    let link = LINKS.get(usize::from(link) % LINKS.len()).copied().unwrap_or(LinkType::ETHERNET);
    // In the highest bit.
    let unverified = depth & 0x80 != 0;
    let depth = (depth & 0x7f) % 5;
    let whole = Frame { unverified, ..of(link, bytes) };
    let Ok(packet) = decode(&whole, depth) else { return };
    let payload = match packet {
        Packet::Segment(segment) => segment.payload,
        Packet::Fragment(fragment) => fragment.payload,
    };
    assert!(bytes.as_ptr_range().start <= payload.as_ptr_range().start);
    assert!(payload.as_ptr_range().end <= bytes.as_ptr_range().end);

    // Doubt leaves frames out, and changes nothing else.
    let believed = decode(&of(link, bytes), depth).map(|packet| match packet {
        Packet::Segment(segment) => segment.payload,
        Packet::Fragment(fragment) => fragment.payload,
    });
    assert_eq!(believed, Ok(payload));

    // The same frame, cut: what is still found is found at the same place, and what is gone is
    // said to be missing.
    let shorter = bytes.get(..bytes.len().saturating_sub(usize::from(cut))).unwrap_or_default();
    if let (Packet::Segment(segment), Ok(Packet::Segment(again))) =
        (packet, decode(&Frame { bytes: shorter, ..whole }, depth))
    {
        assert_eq!((segment.source, segment.sequence), (again.source, again.sequence));
        assert!(segment.payload.starts_with(again.payload));
        let lost = segment.payload.len() - again.payload.len();
        let missing = again.missing as usize;
        assert!(missing >= lost, "{lost} bytes cut off, {missing} said to be missing");
    }
}

fn of(link: LinkType, bytes: &[u8]) -> Frame<'_> {
    Frame {
        timestamp_ns: 0,
        interface: 0,
        link,
        vlan: None,
        bytes,
        original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        skipped_payload: 0,
        unverified: false,
    }
}
