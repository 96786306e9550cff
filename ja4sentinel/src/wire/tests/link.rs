//! Link layers.

use super::*;

fn via(link: u16, bytes: &[u8]) -> Result<Packet<'_>, WireError> {
    decode(&frame(LinkType(link), bytes), 0)
}

#[test]
fn ethernet_states_every_fact() {
    let bytes = eth(0x0800, &ipv4(6, &tcp_with(0x02, &[2, 4, 5, 0xb4], b"")));
    let segment = segment(ethernet(&bytes));
    assert_eq!((segment.timestamp_ns, segment.interface), (7, 3));
    assert_eq!(segment.source, Endpoint { addr: V4_CLIENT.into(), port: CLIENT_PORT });
    assert_eq!(segment.destination, Endpoint { addr: V4_SERVER.into(), port: SERVER_PORT });
    assert_eq!(segment.ip, IpFacts { ttl: 57, total_length: 44, id: Some(0x1234), df: Some(true) });
    assert_eq!((segment.sequence, segment.window), (SEQUENCE, 64240));
    assert!(segment.flags.opens());
    assert_eq!(segment.options.facts().mss, Some(1460));
    assert_eq!((segment.payload, segment.missing, segment.fragmented), (&b""[..], 0, false));
    assert!(segment.vlan.ids().is_empty());
}

#[test]
fn vlan_tags_of_every_kind_stack_outermost_first() {
    for outer in [0x8100, 0x88a8, 0x9100, 0x9200] {
        for inner in [0x8100, 0x88a8, 0x9100] {
            let bytes = eth(outer, &tag(0x2064, inner, &tag(200, 0x86dd, &tcp6())));
            let segment = segment(ethernet(&bytes));
            assert_eq!(segment.vlan.ids(), [100, 200]);
            assert_eq!(segment.payload, PAYLOAD);
        }
    }
}

#[test]
fn a_tag_from_metadata_is_the_outermost() {
    let bytes = eth(0x8100, &tag(200, 0x0800, &tcp4()));
    let frame = Frame { vlan: Some(VlanTag { tci: 100 }), ..frame(LinkType::ETHERNET, &bytes) };
    assert_eq!(segment(decode(&frame, 0)).vlan.ids(), [100, 200]);
}

#[test]
fn a_priority_tag_names_no_vlan() {
    let bytes = eth(0x8100, &tag(0xe000, 0x0800, &tcp4()));
    assert!(segment(ethernet(&bytes)).vlan.ids().is_empty());
}

#[test]
fn vlan_tags_are_bounded() {
    let tagged = |count: u8| {
        (0..count).fold((0x0800, tcp4()), |(kind, inner), n| (0x8100, tag(n.into(), kind, &inner)))
    };
    let (kind, inner) = tagged(MAX_TAGS);
    assert_eq!(segment(ethernet(&eth(kind, &inner))).vlan.ids(), [7, 6, 5, 4]);
    let (kind, inner) = tagged(MAX_TAGS + 1);
    assert_eq!(error(ethernet(&eth(kind, &inner))), WireError::TooManyTags);
}

#[test]
fn mpls_reads_labels_then_ip_by_nibble() {
    let labels = |count: usize, inner: &[u8]| {
        let mut bytes = [0, 1, 0, 64].repeat(count - 1);
        bytes.extend([0, 1, 1, 64]);
        bytes.extend(inner);
        bytes
    };
    for count in [1, 3, MAX_LABELS] {
        for kind in [0x8847, 0x8848] {
            assert_eq!(segment(ethernet(&eth(kind, &labels(count, &tcp4())))).payload, PAYLOAD);
            assert_eq!(segment(ethernet(&eth(kind, &labels(count, &tcp6())))).payload, PAYLOAD);
        }
    }
    let bytes = eth(0x8847, &labels(MAX_LABELS + 1, &tcp4()));
    assert_eq!(error(ethernet(&bytes)), WireError::TooManyLabels);
}

#[test]
fn a_pseudowire_is_a_tunnel() {
    let inner = join(&[&[0, 1, 1, 64], &[0; 4], &eth(0x0800, &tcp4())]);
    let bytes = eth(0x8847, &inner);
    assert_eq!(segment(decode(&frame(LinkType::ETHERNET, &bytes), 1)).payload, PAYLOAD);
    assert_eq!(error(decode(&frame(LinkType::ETHERNET, &bytes), 0)), WireError::TunnelTooDeep);
}

fn pppoe(ppp: &[u8]) -> Vec<u8> {
    let length = (ppp.len() as u16).to_be_bytes();
    eth(0x8864, &join(&[&[0x11, 0, 0, 9], &length, ppp, &[0xee; 9]]))
}

#[test]
fn pppoe_session_carries_ip() {
    assert_eq!(segment(ethernet(&pppoe(&join(&[&[0, 0x21], &tcp4()])))).payload, PAYLOAD);
    let bytes = pppoe(&join(&[&[0, 0x57], &tcp6()]));
    assert_eq!(segment(ethernet(&bytes)).payload, PAYLOAD);
    assert_eq!(segment(via(51, &bytes[14..])).payload, PAYLOAD);
    assert_eq!(error(ethernet(&pppoe(&[0xc0, 0x21, 1, 1]))), WireError::NotIp);
    assert_eq!(error(ethernet(&eth(0x8864, &[0x11, 7, 0, 9, 0, 0]))), WireError::NotIp);
}

#[test]
fn ppp_with_and_without_framing_and_compression() {
    for link in [9, 50] {
        for head in [&[0xff, 3, 0, 0x21][..], &[0, 0x21], &[0xff, 3, 0x21], &[0x21]] {
            assert_eq!(segment(via(link, &join(&[head, &tcp4()]))).payload, PAYLOAD);
        }
        assert_eq!(segment(via(link, &join(&[&[0xff, 3, 0, 0x57], &tcp6()]))).payload, PAYLOAD);
        let mpls = join(&[&[0x02, 0x81, 0, 1, 1, 64], &tcp6()]);
        assert_eq!(segment(via(link, &mpls)).payload, PAYLOAD);
    }
    assert_eq!(segment(via(204, &join(&[&[1, 0xff, 3, 0, 0x21], &tcp4()]))).payload, PAYLOAD);
}

#[test]
fn linux_cooked_both_versions_with_vlan_and_llc() {
    let v1 = |kind: u16, inner: &[u8]| join(&[&[0; 14], &kind.to_be_bytes(), inner]);
    let v2 = |kind: u16, inner: &[u8]| join(&[&kind.to_be_bytes(), &[0; 18], inner]);
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()]);
    for (kind, inner, vlan) in [
        (0x0800, tcp4(), &[][..]),
        (0x86dd, tcp6(), &[]),
        (0x8100, tag(5, 0x0800, &tcp4()), &[5]),
        (4, snap, &[]),
    ] {
        for (link, bytes) in [(113, v1(kind, &inner)), (276, v2(kind, &inner))] {
            let segment = segment(via(link, &bytes));
            assert_eq!((segment.payload, segment.vlan.ids()), (PAYLOAD, vlan));
        }
    }
    assert_eq!(error(via(113, &v1(12, &tcp4()))), WireError::NotIp);
}

#[test]
fn raw_ip_by_nibble_or_as_announced() {
    for link in [101, 228] {
        assert_eq!(segment(via(link, &tcp4())).payload, PAYLOAD);
    }
    for link in [101, 229] {
        assert_eq!(segment(via(link, &tcp6())).payload, PAYLOAD);
    }
    assert_eq!(LinkType::from_dlt(12), LinkType::RAW);
    assert_eq!(error(via(229, &tcp4())), WireError::IpVersion);
    assert_eq!(error(via(228, &tcp6())), WireError::IpVersion);
    assert_eq!(error(via(101, &[0x55; 60])), WireError::IpVersion);
}

#[test]
fn loopback_family_in_either_order() {
    for link in [0, 108] {
        for (family, inner) in
            [(2u32, tcp4()), (10, tcp6()), (23, tcp6()), (24, tcp6()), (28, tcp6()), (30, tcp6())]
        {
            for head in [family.to_be_bytes(), family.to_le_bytes()] {
                assert_eq!(segment(via(link, &join(&[&head, &inner]))).payload, PAYLOAD);
            }
        }
        assert_eq!(error(via(link, &join(&[&[0, 0, 0, 7], &tcp4()]))), WireError::NotIp);
    }
}

#[test]
fn cisco_hdlc_and_metadata() {
    assert_eq!(segment(via(104, &join(&[&[0x0f, 0, 8, 0], &tcp4()]))).payload, PAYLOAD);
    let bytes = eth(0x8909, &join(&[&[1, 1, 0, 1, 0, 20, 8, 0], &tcp4()]));
    assert_eq!(segment(ethernet(&bytes)).payload, PAYLOAD);
}

#[test]
fn snap_behind_an_ethernet_length() {
    let llc = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()]);
    let bytes = eth(llc.len() as u16, &join(&[&llc, &[0; 7]]));
    assert_eq!(segment(ethernet(&bytes)).payload, PAYLOAD);
    let spanning_tree = eth(38, &join(&[&[0x42, 0x42, 3], &[0; 43]]));
    assert_eq!(error(ethernet(&spanning_tree)), WireError::NotIp);
}

fn wlan(kind: u8, flags: u8, more: &[u8]) -> Vec<u8> {
    join(&[&[kind, flags], &[0; 22], more, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp4()])
}

#[test]
fn wlan_data_frames() {
    for bytes in [
        wlan(0x08, 1, &[]),
        wlan(0x08, 3, &[0; 6]),
        wlan(0x88, 2, &[0; 2]),
        wlan(0x88, 0x83, &[0; 12]),
    ] {
        assert_eq!(segment(via(105, &bytes)).payload, PAYLOAD);
        let radiotap = join(&[&[0, 0, 12, 0], &[0; 8], &bytes]);
        assert_eq!(segment(via(127, &radiotap)).payload, PAYLOAD);
    }
    assert_eq!(error(via(105, &wlan(0x80, 0, &[]))), WireError::NotIp);
    assert_eq!(error(via(105, &wlan(0x48, 0, &[]))), WireError::NotIp);
    assert_eq!(error(via(105, &wlan(0x08, 0x41, &[]))), WireError::Encrypted);
    assert_eq!(error(via(105, &wlan(0x08, 0x05, &[]))), WireError::UnsupportedForm);
    assert_eq!(error(via(105, &wlan(0x88, 1, &[0x80, 0]))), WireError::UnsupportedForm);
}

#[test]
fn netfilter_log_in_either_order() {
    let message = |family: u8, inner: &[u8], order: fn(u16) -> [u8; 2]| {
        let length = order(inner.len() as u16 + 4);
        let prefix = join(&[&order(6), &order(10), b"\0x\0\0"]);
        join(&[&[family, 0, 0, 0], &prefix, &length, &order(9), inner])
    };
    for order in [u16::to_le_bytes, u16::to_be_bytes] {
        assert_eq!(segment(via(239, &message(2, &tcp4(), order))).payload, PAYLOAD);
        assert_eq!(segment(via(239, &message(10, &tcp6(), order))).payload, PAYLOAD);
        assert_eq!(error(via(239, &message(7, &tcp4(), order))), WireError::NotIp);
    }
}

#[test]
fn headers_that_name_a_link_type() {
    let ppi = |dlt: u32, inner: &[u8]| join(&[&[0, 0, 12, 0], &dlt.to_le_bytes(), &[0; 4], inner]);
    let pktap = |dlt: u32, inner: &[u8]| {
        join(&[&108u32.to_le_bytes(), &[1, 0, 0, 0], &dlt.to_le_bytes(), &[0; 96], inner])
    };
    assert_eq!(segment(via(192, &ppi(105, &wlan(0x08, 1, &[])))).payload, PAYLOAD);
    assert_eq!(segment(via(258, &pktap(1, &eth(0x0800, &tcp4())))).payload, PAYLOAD);
    assert_eq!(segment(via(258, &pktap(12, &tcp6()))).payload, PAYLOAD);
    assert_eq!(error(via(192, &ppi(192, &ppi(12, &tcp4())))), WireError::UnsupportedLink);
    assert_eq!(error(via(192, &ppi(0x1_0001, &tcp4()))), WireError::UnsupportedLink);
}

#[test]
fn what_is_not_ip_is_named() {
    assert_eq!(error(ethernet(&eth(0x0806, &[0; 46]))), WireError::NotIp);
    assert_eq!(error(ethernet(&[0; 13])), WireError::LinkRunt);
    assert_eq!(error(ethernet(&eth(0x8100, &[0; 3]))), WireError::LinkRunt);
    assert_eq!(error(ethernet(&eth(0x0800, &tcp6()))), WireError::IpVersion);
    assert_eq!(error(via(147, &tcp4())), WireError::UnsupportedLink);
}
