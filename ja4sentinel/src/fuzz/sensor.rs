//! The whole engine: frames of a few connections, in any state and order.

use super::choices;
use crate::fingerprint::Ja4;
use crate::record::Record;
use crate::sensor::{Limits, Outcome, PortSet, ProxyProtocol, Sensor, Settings};
use crate::wire::{Frame, LinkType};

/// Small limits, so that a fuzzer reaches them.
const LIMITS: Limits = Limits {
    flows: 4,
    segments_per_hello: 4,
    bytes_per_hello: 2048,
    reassembly_bytes: 16 * 1024,
    flow_timeout_ns: 1_000,
};

/// Drives a sensor with frames that the input describes. The ledger balances after each frame, and
/// limits hold; and for one stream in segments, it does not matter how it was cut and in which
/// order the segments came.
pub fn sensor(data: &[u8]) {
    let ([mode, cuts], rest) = choices(data);
    if mode & 0x80 == 0 {
        any_frames(mode, rest);
    } else {
        any_cut(cuts, rest);
    }
}

fn any_frames(mode: u8, mut rest: &[u8]) {
    let mut sensor = Sensor::new(
        Settings {
            ports: PortSet::any(),
            limits: LIMITS,
            starttls: mode & 1 != 0,
            proxy_protocol: match mode >> 1 & 3 {
                0 => ProxyProtocol::Off,
                1 => ProxyProtocol::Accept,
                _ => ProxyProtocol::Require,
            },
            tunnel_depth: mode >> 3 & 3,
            report_incomplete: mode & 0x20 != 0,
            ..Settings::default()
        },
        "fuzz",
    );
    let mut now_ns = 0;
    let mut out = |_: Outcome<'_>| {};
    while !rest.is_empty() {
        let ([kind, sequence, flags, length], behind) = choices(rest);
        let (payload, next) = behind.split_at(usize::from(length).min(behind.len()));
        rest = next;
        now_ns += u64::from(kind >> 4) * 40;
        let frame = match kind & 3 {
            0 => payload.to_vec(),
            client => segment(client, u32::from(sequence).wrapping_sub(4), flags, payload),
        };
        let unverified = mode & 0x40 != 0;
        sensor.frame(&Frame { unverified, ..captured(&frame, now_ns) }, &mut out);
        assert!(sensor.ledger().is_balanced(), "{:?}", sensor.ledger());
        assert!(sensor.tracked() <= LIMITS.flows);
        assert!(sensor.reassembly_bytes().0 <= LIMITS.reassembly_bytes);
    }
    sensor.finish(&mut out);
    assert!(sensor.ledger().is_balanced(), "{:?}", sensor.ledger());
    assert_eq!((sensor.tracked(), sensor.reassembly_bytes().0), (0, 0));
}

fn any_cut(cuts: u8, stream: &[u8]) {
    let stream = stream.get(..stream.len().min(1400)).unwrap_or_default();
    let whole: Vec<_> = stream.chunks(1400).enumerate().collect();
    // At most 100 pieces may lie apart, and none of these orders leaves more behind.
    let size = (usize::from(cuts & 0x7f) + 1).max(stream.len().div_ceil(90));
    let mut cut: Vec<_> = stream.chunks(size).enumerate().collect();
    if cuts & 0x80 == 0 {
        cut.reverse();
    } else {
        cut.sort_by_key(|(place, _)| (place % 3, *place));
    }
    assert_eq!(fingerprints(1400, &whole), fingerprints(size, &cut));
}

/// JA4 and position of each hello in the segments of one connection whose SYN is seen.
fn fingerprints(size: usize, segments: &[(usize, &[u8])]) -> Vec<(Ja4, u8, u32)> {
    let settings = Settings { ports: PortSet::any(), ..Settings::default() };
    let mut sensor = Sensor::new(settings, "fuzz");
    let mut found = Vec::new();
    let mut out = |outcome: Outcome<'_>| {
        if let Outcome::Record(record) = outcome {
            let Record { ja4, hello_index, hello_bytes, .. } = record;
            found.push((*ja4, *hello_index, *hello_bytes));
        }
    };
    sensor.frame(&captured(&segment(1, 0, 0x02, &[]), 0), &mut out);
    for (place, bytes) in segments {
        let sequence = u32::try_from(place * size).unwrap_or(u32::MAX).wrapping_add(1);
        sensor.frame(&captured(&segment(1, sequence, 0x10, bytes), 0), &mut out);
    }
    sensor.finish(&mut out);
    assert!(sensor.ledger().is_balanced(), "{:?}", sensor.ledger());
    found
}

/// A raw IPv4 datagram with a TCP segment of one of three clients. Its checksums are those of a
/// packet that never saw a wire.
fn segment(client: u8, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(40 + payload.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let addresses = 0xc000 + 0x0200 + u32::from(client) + 0xc000 + 0x02c8;
    let [h, l] =
        (!fold(0x4500 + 1 + 0x4000 + 0x4006 + addresses + u32::from(length))).to_be_bytes();
    let [p, q] = fold(addresses + 6 + u32::from(length) - 20).to_be_bytes();
    let mut frame = vec![0x45, 0, high, low, 0, 1, 0x40, 0, 64, 6, h, l];
    frame.extend_from_slice(&[192, 0, 2, client, 192, 0, 2, 200]);
    frame.extend_from_slice(&[0x80, client, 1, 187]);
    frame.extend_from_slice(&sequence.to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 0, 0x50, flags & 0x3f, 1, 0, p, q, 0, 0]);
    frame.extend_from_slice(payload);
    frame
}

/// The folded sum of RFC 1071.
fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

fn captured(bytes: &[u8], timestamp_ns: u64) -> Frame<'_> {
    Frame {
        timestamp_ns,
        interface: 0,
        link: LinkType::RAW,
        vlan: None,
        bytes,
        original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        skipped_payload: 0,
        unverified: false,
    }
}
