//! Hellos behind a PROXY header, behind the talk before STARTTLS, and behind nothing that we know.

#![expect(clippy::indexing_slicing, reason = "a test ends where it goes wrong")]
mod sensor_support;

use ja4sentinel::record::Kind;
use ja4sentinel::sensor::{ProxyProtocol, Settings};
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::hellos::Hello;
use sensor_support::{Client, Lab, SECOND};

const V1: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n";
const V1_BROKEN: &[u8] = b"PROXY TCP4 203.0.113.999 198.51.100.1 4711 443\r\n";

fn v2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([203, 0, 113, 9, 198, 51, 100, 1, 0x12, 0x67, 0x01, 0xbb]);
    header
}

fn hello() -> Vec<u8> {
    Hello::browser().padded_to(1800).record()
}

fn settings(proxy_protocol: ProxyProtocol) -> Settings {
    Settings { proxy_protocol, report_incomplete: true, ..Settings::default() }
}

/// Feeds a stream in segments that end at these offsets, the last ones first when asked for.
fn feed(lab: &mut Lab, port: u16, stream: &[u8], ends: &[usize], reversed: bool) {
    let client = Client::new(port, 7);
    lab.feed(&client.syn());
    let starts = [0].into_iter().chain(ends.iter().copied());
    let ends = ends.iter().copied().chain([stream.len()]);
    let mut packets: Vec<Packet> = starts
        .zip(ends)
        .map(|(from, to)| client.data(u32::try_from(from).unwrap_or_default(), &stream[from..to]))
        .collect();
    if reversed {
        packets.reverse();
    }
    for packet in &packets {
        lab.feed(packet);
    }
}

#[test]
fn a_proxy_header_gives_the_real_client_however_it_is_cut() {
    for header in [V1.to_vec(), v2()] {
        let stream = [&header[..], &hello()].concat();
        let len = header.len();
        for ends in [vec![], vec![len], vec![5], vec![len - 1, len + 1], vec![3, 20, len + 900]] {
            for reversed in [false, true] {
                for protocol in [ProxyProtocol::Accept, ProxyProtocol::Require] {
                    let mut lab = Lab::new(settings(protocol));
                    feed(&mut lab, 50000, &stream, &ends, reversed);
                    let record = &lab.records[0];
                    assert_eq!((record.src_ip, record.src_port), ([203, 0, 113, 9].into(), 4711));
                    assert_eq!(record.proxy_ip, Some([192, 0, 2, 1].into()));
                    assert_eq!(record.proxy_port, Some(50000));
                    assert_eq!((record.dst_ip, record.dst_port), ([198, 51, 100, 1].into(), 443));
                    assert_eq!((record.kind, record.hello_bytes), (Kind::Hello, 1800));
                    lab.finish();
                }
            }
        }
    }
}

#[test]
fn a_proxy_header_without_addresses_changes_nothing() {
    let mut lab = Lab::new(settings(ProxyProtocol::Require));
    feed(&mut lab, 50000, &[b"PROXY UNKNOWN\r\n", &hello()[..]].concat(), &[], false);
    assert_eq!((lab.records[0].src_port, lab.records[0].proxy_ip), (50000, None));
    lab.finish();
}

#[test]
fn a_connection_without_a_header_where_one_is_accepted_or_required() {
    let mut lab = Lab::new(settings(ProxyProtocol::Accept));
    feed(&mut lab, 50000, &hello(), &[900], false);
    assert_eq!((lab.records[0].src_port, lab.records[0].proxy_ip), (50000, None));
    assert_eq!(lab.records[0].oddities, [""; 0]);
    lab.finish();

    let mut lab = Lab::new(settings(ProxyProtocol::Require));
    feed(&mut lab, 50000, &hello(), &[900], false);
    assert_eq!(lab.lost("proxy_header_missing"), 1);
    assert!(lab.records.iter().all(|record| record.kind == Kind::Incomplete));
    lab.finish();

    let mut lab = Lab::new(settings(ProxyProtocol::Off));
    feed(&mut lab, 50000, &[V1, &hello()].concat(), &[], false);
    assert_eq!(lab.lost("plain_text"), 1);
    lab.finish();
}

#[test]
fn a_header_is_looked_for_on_the_ports_of_the_load_balancer_alone() {
    let behind = |ports: &[u16]| Settings {
        proxy_protocol_ports: ports.iter().copied().collect(),
        ..settings(ProxyProtocol::Require)
    };
    let mut lab = Lab::new(behind(&[8443]));
    feed(&mut lab, 50000, &hello(), &[900], false);
    assert_eq!((lab.records[0].kind, lab.records[0].proxy_ip), (Kind::Hello, None));
    feed(&mut lab, 50001, &[V1, &hello()].concat(), &[], false);
    assert_eq!(lab.lost("plain_text"), 1);
    lab.finish();

    let mut lab = Lab::new(behind(&[443]));
    feed(&mut lab, 50000, &hello(), &[900], false);
    assert_eq!(lab.lost("proxy_header_missing"), 1);
    lab.finish();
}

#[test]
fn a_broken_proxy_header_is_counted_and_marked() {
    let mut lab = Lab::new(settings(ProxyProtocol::Accept));
    feed(&mut lab, 50000, &[V1_BROKEN, &hello()].concat(), &[10, 900], false);
    let record = &lab.records[0];
    assert_eq!((record.kind, record.src_port, record.proxy_ip), (Kind::Hello, 50000, None));
    assert!(record.oddities.contains(&"proxy_header_bad"));
    // Nothing behind it.
    feed(&mut lab, 50001, V1_BROKEN, &[], false);
    lab.wait(31 * SECOND);
    assert_eq!(lab.lost("proxy_bad_address"), 1);
    lab.finish();
}

#[test]
fn a_proxy_header_is_taken_up_without_a_syn() {
    let mut lab = Lab::new(settings(ProxyProtocol::Accept));
    let client = Client::new(50000, 7);
    lab.feed(&client.data(0, V1));
    lab.feed(&client.data(u32::try_from(V1.len()).unwrap_or_default(), &hello()));
    assert_eq!(lab.records[0].src_port, 4711);
    lab.finish();
}

#[test]
fn talk_before_starttls_is_passed_over_however_it_is_cut() {
    let talk: &[u8] = b"EHLO me\r\nSTARTTLS\r\n";
    let stream = [talk, &hello()].concat();
    let len = talk.len();
    for ends in [vec![], vec![len], vec![9], vec![len + 1], vec![2, 9, len - 1, len + 900]] {
        for reversed in [false, true] {
            let mut lab = Lab::new(Settings { starttls: true, ..Settings::default() });
            feed(&mut lab, 50000, &stream, &ends, reversed);
            assert_eq!(lab.records.len(), 1, "{ends:?} {reversed}");
            assert_eq!(lab.records[0].hello_bytes, 1800);
            assert!(lab.records[0].oddities.contains(&"starttls"));
            lab.finish();
        }
    }
}

#[test]
fn a_hello_behind_an_unknown_talk_is_found_where_a_segment_begins() {
    let talk: &[u8] = b"\x01\x02 a protocol of one's own\0\0";
    let stream = [talk, &hello()].concat();
    let len = talk.len();
    for ends in [vec![len], vec![3, len], vec![3, len, len + 900]] {
        for reversed in [false, true] {
            let mut lab = Lab::new(Settings { starttls: true, ..Settings::default() });
            feed(&mut lab, 50000, &stream, &ends, reversed);
            assert_eq!(lab.records.len(), 1, "{ends:?} {reversed}");
            assert!(lab.records[0].oddities.contains(&"late_hello"));
            lab.finish();
        }
    }
    // Where none begins, it is what its first bytes say.
    let mut lab = Lab::new(Settings { starttls: true, ..Settings::default() });
    feed(&mut lab, 50000, b"\x01\x02 no hello at all", &[3], false);
    lab.wait(31 * SECOND);
    assert_eq!(lab.lost("unknown_protocol"), 1);
    lab.finish();
}

#[test]
fn talk_that_never_comes_to_tls_has_its_reason() {
    let mut lab = Lab::new(Settings { starttls: true, ..Settings::default() });
    feed(&mut lab, 50000, b"EHLO me\r\nMAIL FROM:<a@b.example>\r\n", &[9], false);
    feed(&mut lab, 50001, &b"word ".repeat(4000), &[9, 9000, 18000], false);
    assert_eq!(lab.lost("plain_text"), 1, "too long for a preamble");
    lab.wait(31 * SECOND);
    assert_eq!(lab.lost("preamble_only"), 1);
    lab.finish();
}

#[test]
fn with_starttls_an_ordinary_hello_shows_no_oddity() {
    let mut lab = Lab::new(Settings { starttls: true, ..Settings::default() });
    feed(&mut lab, 50000, &hello(), &[1400], false);
    assert_eq!((&lab.records[0].oddities[..], lab.records[0].segments), (&[""; 0][..], 2));
    lab.finish();
}
