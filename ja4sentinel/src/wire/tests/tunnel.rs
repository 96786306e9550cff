//! Tunnels.

use super::*;

/// Decodes with `depth` tunnels open, and checks that one fewer is not enough.
fn through(depth: u8, bytes: &[u8]) {
    let frame = frame(LinkType::ETHERNET, bytes);
    let segment = segment(decode(&frame, depth));
    assert_eq!((segment.payload, segment.missing), (PAYLOAD, 0));
    assert_eq!(error(decode(&frame, depth - 1)), WireError::TunnelTooDeep);
}

fn over4(protocol: u8, inner: &[u8]) -> Vec<u8> {
    eth(0x0800, &ipv4(protocol, inner))
}

#[test]
fn ip_in_ip_of_both_families() {
    through(1, &over4(4, &tcp4()));
    through(1, &over4(41, &tcp6()));
    through(1, &eth(0x86dd, &ipv6(4, &tcp4())));
    through(1, &eth(0x86dd, &ipv6(41, &tcp6())));
    through(3, &over4(4, &ipv4(41, &ipv6(4, &tcp4()))));
    assert_eq!(error(ethernet(&over4(4, &tcp6()))), WireError::IpVersion);
}

#[test]
fn facts_are_those_of_the_innermost_header() {
    let mut inner = tcp4();
    inner[8] = 200;
    let bytes = over4(4, &inner);
    let segment = segment(ethernet(&bytes));
    assert_eq!(segment.ip.ttl, 200);
    assert_eq!(segment.ip.total_length, inner.len() as u32);
}

#[test]
fn gre_with_every_field() {
    for (flags, len) in [(0u16, 0), (0x8000, 4), (0x2000, 4), (0x1000, 4), (0xb000, 12)] {
        let gre = |kind: u16, inner: &[u8]| {
            over4(47, &join(&[&flags.to_be_bytes(), &kind.to_be_bytes(), &vec![9; len], inner]))
        };
        through(1, &gre(0x0800, &tcp4()));
        through(1, &gre(0x86dd, &tcp6()));
        through(1, &gre(0x6558, &eth(0x0800, &tcp4())));
        through(1, &gre(0x8847, &join(&[&[0, 1, 1, 64], &tcp4()])));
    }
    assert_eq!(
        error(ethernet(&over4(47, &[0x40, 0, 8, 0, 0, 0, 0, 0]))),
        WireError::UnsupportedForm
    );
    assert_eq!(error(ethernet(&over4(47, &[0, 2, 8, 0, 0, 0, 0, 0]))), WireError::UnsupportedForm);
    assert_eq!(error(ethernet(&over4(47, &[0xb0, 0, 8, 0, 0, 0]))), WireError::TunnelHeader);
    assert_eq!(error(ethernet(&over4(47, &[0, 0, 0, 0]))), WireError::NotIp);
}

#[test]
fn gre_of_pptp_carries_ppp() {
    let call = [0, 40, 0, 1];
    let ppp = join(&[&[0xff, 3, 0, 0x21], &tcp4()]);
    through(1, &over4(47, &join(&[&[0x30, 1, 0x88, 0x0b], &call, &[0; 4], &ppp])));
    through(1, &over4(47, &join(&[&[0x30, 0x81, 0x88, 0x0b], &call, &[0; 8], &ppp])));
    let wrong = over4(47, &join(&[&[0x30, 1, 8, 0], &call, &[0; 4], &tcp4()]));
    assert_eq!(error(ethernet(&wrong)), WireError::UnsupportedForm);
}

#[test]
fn erspan_of_three_types() {
    let mirrored = eth(0x8100, &tag(12, 0x0800, &tcp4()));
    through(1, &over4(47, &join(&[&[0, 0, 0x88, 0xbe], &mirrored])));
    through(1, &over4(47, &join(&[&[0x10, 0, 0x88, 0xbe], &[0; 4], &[1; 8], &mirrored])));
    let three = |last: [u8; 2], inner: &[u8]| {
        over4(47, &join(&[&[0x10, 0, 0x22, 0xeb], &[0; 4], &[0x20; 10], &last, inner]))
    };
    through(1, &three([0, 0], &mirrored));
    through(1, &three([0, 1], &join(&[&[0; 8], &mirrored])));
    through(1, &three([2 << 2, 0], &tcp6()));
}

#[test]
fn vxlan_on_both_ports_with_the_vlan_stack_going_on() {
    for port in [4789, 8472] {
        let inner = eth(0x8100, &tag(20, 0x0800, &tcp4()));
        let outer = ipv4(17, &udp(port, &join(&[&[8, 0, 0, 0, 0, 0, 42, 0], &inner])));
        let bytes = eth(0x8100, &tag(10, 0x0800, &outer));
        through(1, &bytes);
        assert_eq!(segment(ethernet(&bytes)).vlan.ids(), [10, 20]);
    }
    let no_flag = over4(17, &udp(4789, &join(&[&[0; 8], &eth(0x0800, &tcp4())])));
    assert_eq!(error(ethernet(&no_flag)), WireError::NotTcp);
    assert_eq!(error(ethernet(&over4(17, &udp(53, &[0; 30])))), WireError::NotTcp);
}

#[test]
fn geneve_with_options() {
    for units in [0u8, 3, 63] {
        let geneve = |kind: u16, inner: &[u8]| {
            let options = vec![1; usize::from(units) * 4];
            let head = join(&[&[units, 0], &kind.to_be_bytes(), &[0; 4], &options]);
            eth(0x86dd, &ipv6(17, &udp(6081, &join(&[&head, inner]))))
        };
        through(1, &geneve(0x6558, &eth(0x0800, &tcp4())));
        through(1, &geneve(0x0800, &tcp4()));
        through(1, &geneve(0x86dd, &tcp6()));
    }
    let later_version = over4(17, &udp(6081, &join(&[&[0x40, 0, 8, 0, 0, 0, 0, 0], &tcp4()])));
    assert_eq!(error(ethernet(&later_version)), WireError::NotTcp);
}

#[test]
fn gtp_with_optional_part_and_extensions() {
    let gtp = |flags: u8, more: &[u8]| {
        let inner = join(&[more, &tcp4()]);
        let length = (inner.len() as u16).to_be_bytes();
        over4(17, &udp(2152, &join(&[&[flags, 0xff], &length, &[0, 0, 0, 1], &inner])))
    };
    through(1, &gtp(0x30, &[]));
    through(1, &gtp(0x32, &[0, 7, 0, 0]));
    through(1, &gtp(0x32, &[0, 7, 0, 0x85]));
    through(1, &gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0]));
    through(1, &gtp(0x36, &[0, 0, 0, 0x85, 1, 0, 9, 0x40, 2, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(error(ethernet(&gtp(0x34, &[0, 0, 0, 0x85, 0, 0, 0, 0]))), WireError::NotTcp);
    let echo = over4(17, &udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(error(ethernet(&echo)), WireError::NotTcp);
}

#[test]
fn a_short_tunnel_header_is_named() {
    assert_eq!(error(ethernet(&over4(47, &[0, 0]))), WireError::TunnelHeader);
    for port in [4789, 6081, 2152] {
        assert_eq!(error(ethernet(&over4(17, &udp(port, &[8, 0, 0])))), WireError::NotTcp);
    }
    assert_eq!(error(ethernet(&over4(17, &[0; 7]))), WireError::NotTcp);
}
