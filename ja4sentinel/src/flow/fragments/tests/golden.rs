//! The cases of `transport.pcap` that wrap or fragment: whatever stands around the TCP segments,
//! the same bytes come out.

use std::collections::BTreeMap;

use super::*;
use crate::wire::{Frame, LinkType, WireError, decode};

const CAPTURE: &[u8] = include_bytes!("../../../../../tests/golden/synthetic/transport.pcap");
const CASES: &str = include_str!("../../../../../tests/golden/synthetic/transport.tsv");

/// Frames of a little-endian pcap file of Ethernet frames, all of them captured whole.
fn frames() -> Vec<&'static [u8]> {
    assert_eq!(&CAPTURE[..4], &[0xd4, 0xc3, 0xb2, 0xa1]);
    let mut rest = &CAPTURE[24..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], rest[12..16]);
        frames.push(&rest[16..16 + len]);
        rest = &rest[16 + len..];
    }
    frames
}

#[derive(Default)]
struct Connection {
    /// Payload by sequence number.
    payloads: BTreeMap<u32, Vec<u8>>,
    vlans: Vec<u16>,
    fragmented: bool,
    option_names: String,
}

impl Connection {
    fn bytes(&self) -> Vec<u8> {
        self.payloads.values().flatten().copied().collect()
    }
}

/// What clients sent, by their port.
fn connections() -> BTreeMap<u16, Connection> {
    let mut table = Defragmenter::default();
    let mut connections: BTreeMap<u16, Connection> = BTreeMap::new();
    for bytes in frames() {
        let frame = Frame {
            timestamp_ns: 0,
            interface: 0,
            link: LinkType::ETHERNET,
            vlan: None,
            bytes,
            original_len: bytes.len() as u32,
            skipped_payload: 0,
            unverified: false,
        };
        let whole;
        let packet: Result<_, WireError> = match decode(&frame, 0) {
            Ok(Packet::Fragment(fragment)) => match table.push(&fragment, 0) {
                Pushed::Held => continue,
                Pushed::Complete(complete) => {
                    whole = complete;
                    decode_datagram(&whole.fragment(), 0)
                }
                Pushed::Dropped(cause) => panic!("{}", cause.label()),
            },
            packet => packet,
        };
        let Ok(Packet::Segment(segment)) = packet else { panic!("{packet:?} of {bytes:02x?}") };
        assert_eq!(segment.missing, 0);
        let connection = connections.entry(segment.source.port).or_default();
        if segment.flags.opens() {
            connection.option_names = segment.options.facts().names.to_string();
        }
        connection.vlans = segment.vlan.ids().to_vec();
        connection.fragmented |= segment.fragmented;
        if !segment.payload.is_empty() {
            let at = segment.payload_sequence();
            connection.payloads.entry(at).or_insert_with(|| segment.payload.to_vec());
        }
    }
    assert!(table.is_empty());
    connections
}

/// Client port and JA4 list of a case.
fn case(name: &str) -> (u16, &'static str) {
    let row = CASES.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let row = row.into_iter().find(|row| row[0] == name);
    let row = row.unwrap_or_else(|| panic!("no case {name}"));
    (row[1].parse().unwrap(), row[4])
}

#[test]
fn every_way_of_wrapping_gives_the_same_bytes() {
    let connections = connections();
    let (small, small_ja4) = case("one_segment_small");
    let (large, _) = case("two_segments");
    for (name, vlans, fragmented) in [
        ("tcp_timestamps", &[][..], false),
        ("tcp_options_40", &[], false),
        ("ip_options", &[], false),
        ("eth_trailer", &[], false),
        ("vlan", &[100], false),
        ("qinq_88a8", &[100, 200], false),
        ("qinq_8100", &[100, 200], false),
        ("vlan_priority_tag", &[], false),
        ("mpls_one_label", &[], false),
        ("ipv6", &[], false),
        ("ipv6_reversed", &[], false),
        ("ipv6_vlan", &[100], false),
        ("ipv6_hopopts_dstopts", &[], false),
        ("ipv6_routing", &[], false),
        ("ipv6_fragments", &[], true),
        ("ipv6_fragments_reversed", &[], true),
        ("ipv6_atomic_fragment", &[], false),
        ("ipv4_fragments", &[], true),
        ("ipv4_fragments_reversed", &[], true),
        ("ipv4_tiny_first_fragment", &[], true),
        ("tcp_fast_open", &[], false),
    ] {
        let (port, ja4) = case(name);
        let like = if ja4 == small_ja4 { small } else { large };
        let connection = &connections[&port];
        assert_eq!(connection.bytes(), connections[&like].bytes(), "{name}");
        assert_eq!(connection.vlans, vlans, "{name}");
        assert_eq!(connection.fragmented, fragmented, "{name}");
        assert_eq!(connection.option_names, connections[&like].option_names, "{name}");
    }
}
