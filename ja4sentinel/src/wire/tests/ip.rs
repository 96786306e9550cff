//! IPv4, IPv6, extension headers, fragments.

use super::*;

#[test]
fn ipv4_options_are_not_payload() {
    let bytes = eth(0x0800, &ipv4_with(6, 0, &[1; 40], &tcp()));
    let segment = segment(ethernet(&bytes));
    assert_eq!((segment.payload, segment.ip.df), (PAYLOAD, Some(false)));
}

#[test]
fn broken_ipv4_headers() {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = eth(0x0800, &tcp4());
        change(&mut bytes);
        error(ethernet(&bytes))
    };
    assert_eq!(with(|bytes| bytes[14] = 0x44), WireError::Ipv4HeaderLength);
    assert_eq!(with(|bytes| bytes[14] = 0x54), WireError::IpVersion);
    assert_eq!(with(|bytes| bytes[17] = 19), WireError::Ipv4TotalLength);
    assert_eq!(with(|bytes| bytes.truncate(14)), WireError::IpRunt);
    assert_eq!(with(|bytes| bytes.truncate(33)), WireError::IpRunt);
    assert_eq!(with(|bytes| (bytes[14] = 0x4f, bytes.truncate(40)).1), WireError::Ipv4HeaderLength);
    assert_eq!(with(|bytes| bytes[23] = 17), WireError::NotTcp);
    assert_eq!(with(|bytes| bytes[23] = 1), WireError::NotTcp);
}

#[test]
fn ipv6_facts() {
    let bytes = eth(0x86dd, &tcp6());
    let segment = segment(ethernet(&bytes));
    assert_eq!(segment.source.addr, std::net::IpAddr::from(V6_CLIENT));
    assert_eq!(segment.destination.addr, std::net::IpAddr::from(V6_SERVER));
    let total_length = tcp6().len() as u32;
    assert_eq!(segment.ip, IpFacts { ttl: 61, total_length, id: None, df: None });
}

/// An extension header of 8 or 16 bytes.
fn extension(next: u8, units: u8, inner: &[u8]) -> Vec<u8> {
    join(&[&[next, units], &vec![0; 6 + 8 * usize::from(units)], inner])
}

#[test]
fn ipv6_extension_headers_in_any_order() {
    for kind in [0, 43, 60, 135, 139, 140] {
        let bytes = eth(0x86dd, &ipv6(kind, &extension(6, 1, &tcp())));
        assert_eq!(segment(ethernet(&bytes)).payload, PAYLOAD, "header {kind}");
    }
    let chain = extension(60, 0, &extension(43, 2, &extension(60, 0, &extension(6, 0, &tcp()))));
    assert_eq!(segment(ethernet(&eth(0x86dd, &ipv6(0, &chain)))).payload, PAYLOAD);
}

#[test]
fn authentication_headers() {
    let header = join(&[&[6, 4], &[0; 22], &tcp()]);
    assert_eq!(segment(ethernet(&eth(0x86dd, &ipv6(51, &header)))).payload, PAYLOAD);
    assert_eq!(segment(ethernet(&eth(0x0800, &ipv4(51, &header)))).payload, PAYLOAD);
    let zero = join(&[&[6, 0], &[0; 22], &tcp()]);
    assert_eq!(error(ethernet(&eth(0x0800, &ipv4(51, &zero)))), WireError::ExtensionLength);
}

#[test]
fn extension_headers_are_bounded() {
    let chain = |count: usize| {
        let links = (1..count).fold(extension(6, 0, &tcp()), |inner, _| extension(60, 0, &inner));
        eth(0x86dd, &ipv6(60, &links))
    };
    assert_eq!(segment(ethernet(&chain(MAX_EXTENSIONS))).payload, PAYLOAD);
    assert_eq!(error(ethernet(&chain(MAX_EXTENSIONS + 1))), WireError::TooManyExtensions);
    let beyond = eth(0x86dd, &ipv6(60, &[6, 9, 0, 0, 0, 0, 0, 0]));
    assert_eq!(error(ethernet(&beyond)), WireError::ExtensionLength);
    assert_eq!(error(ethernet(&eth(0x86dd, &ipv6(59, &[])))), WireError::NotTcp);
    assert_eq!(error(ethernet(&eth(0x86dd, &tcp6()[..39]))), WireError::IpRunt);
    // IPv4 has no such headers: protocol 60 is some other protocol there.
    let v4 = eth(0x0800, &ipv4(60, &extension(6, 0, &tcp())));
    assert_eq!(error(ethernet(&v4)), WireError::NotTcp);
}

fn fragment_header(next: u8, offset: u16, more: bool, inner: &[u8]) -> Vec<u8> {
    let field = (offset | u16::from(more)).to_be_bytes();
    join(&[&[next, 0], &field, &0xdead_beefu32.to_be_bytes(), inner])
}

#[test]
fn ipv4_fragments_are_described() {
    let bytes = join(&[&eth(0x0800, &ipv4_with(6, 0x2003, &[], &[7; 16])), &[0; 10]]);
    let fragment = fragment(ethernet(&bytes));
    assert_eq!((fragment.offset, fragment.more, fragment.id), (24, true, 0x1234));
    assert_eq!((fragment.payload, fragment.missing), (&[7; 16][..], 0));
    assert_eq!((fragment.protocol, fragment.depth), (6, 0));
    assert_eq!(fragment.source, std::net::IpAddr::from(V4_CLIENT));
    let last = eth(0x0800, &ipv4_with(6, 0x0003, &[], &[7; 16]));
    assert!(!super::fragment(ethernet(&last)).more);
}

#[test]
fn a_cut_fragment_says_so() {
    let bytes = eth(0x0800, &ipv4_with(6, 0x2000, &[], &[7; 16]));
    let cut = Frame {
        original_len: bytes.len() as u32,
        ..frame(LinkType::ETHERNET, &bytes[..bytes.len() - 6])
    };
    let fragment = fragment(decode(&cut, 0));
    assert_eq!((fragment.payload.len(), fragment.missing), (10, 6));
}

#[test]
fn fragments_of_other_protocols_matter_only_with_tunnels() {
    for (protocol, with_tunnels) in [(4, true), (41, true), (47, true), (17, true), (1, false)] {
        let bytes = eth(0x0800, &ipv4_with(protocol, 0x2000, &[], &[7; 16]));
        assert_eq!(error(decode(&frame(LinkType::ETHERNET, &bytes), 0)), WireError::NotTcp);
        assert_eq!(decode(&frame(LinkType::ETHERNET, &bytes), 1).is_ok(), with_tunnels);
    }
}

#[test]
fn ipv6_fragments_are_described() {
    let inner = extension(44, 0, &fragment_header(6, 32, true, &[7; 16]));
    let bytes = eth(0x86dd, &ipv6(0, &inner));
    let fragment = fragment(ethernet(&bytes));
    assert_eq!((fragment.offset, fragment.more, fragment.id), (32, true, 0xdead_beef));
    assert_eq!((fragment.payload, fragment.protocol), (&[7; 16][..], 6));
}

#[test]
fn an_atomic_fragment_is_whole() {
    let bytes = eth(0x86dd, &ipv6(44, &fragment_header(6, 0, false, &tcp())));
    let segment = segment(ethernet(&bytes));
    assert_eq!((segment.payload, segment.fragmented), (PAYLOAD, false));
}

#[test]
fn a_reassembled_datagram_goes_on_where_the_fragment_stood() {
    let tcp = tcp();
    let bytes = eth(0x8100, &tag(9, 0x0800, &ipv4_with(6, 0x2000, &[], &tcp)));
    let first = fragment(ethernet(&bytes));
    let whole = Fragment { more: false, ..first };
    let segment = segment(decode_datagram(&whole, 0));
    assert_eq!((segment.payload, segment.fragmented), (PAYLOAD, true));
    assert_eq!(segment.vlan.ids(), [9]);
    let cut = Fragment { payload: &tcp[..tcp.len() - 3], missing: 3, ..whole };
    assert_eq!(super::segment(decode_datagram(&cut, 0)).missing, 3);
    let options = extension(6, 0, &tcp);
    let whole = Fragment { source: V6_CLIENT.into(), protocol: 60, payload: &options, ..whole };
    assert_eq!(super::segment(decode_datagram(&whole, 0)).payload, PAYLOAD);
}

#[test]
fn tunnels_inside_a_reassembled_datagram_count_on() {
    let inner = tcp4();
    let bytes = eth(0x0800, &ipv4(4, &ipv4_with(4, 0x2000, &[], &inner)));
    let first = fragment(ethernet(&bytes));
    assert_eq!(first.depth, 1);
    let whole = Fragment { more: false, ..first };
    assert_eq!(error(decode_datagram(&whole, 1)), WireError::TunnelTooDeep);
    assert_eq!(segment(decode_datagram(&whole, 2)).payload, PAYLOAD);
}
