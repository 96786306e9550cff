//! The largest hello, the stated limits, and the counters of the established metrics.

mod sensor_support;

use ja4sentinel::sensor::{Limits, Settings};
use ja4sentinel_tests::frames::flags;
use ja4sentinel_tests::hellos::Hello;
use sensor_support::{Client, Lab};

/// Payload of a segment on Ethernet, bytes.
const SEGMENT: usize = 1_448;

#[test]
fn limits_are_as_stated() {
    let limits = Limits::default();
    assert_eq!((limits.flows, limits.segments_per_hello), (100_000, 100));
    assert_eq!((limits.bytes_per_hello, limits.flow_timeout_ns), (64 * 1024, 30_000_000_000));
}

#[test]
fn a_hello_of_64_kib_is_read_in_any_order() {
    let whole = Hello::browser().padded_to(64 * 1024);
    assert_eq!(whole.message().len(), 64 * 1024);
    // In records of the largest size and of little ones.
    for stream in [whole.record(), whole.records(&[1_000])] {
        let mut pieces: Vec<_> = (0..stream.len()).step_by(SEGMENT).collect();
        for reversed in [false, true] {
            let mut lab = Lab::new(Settings::default());
            let client = Client::new(50000, 7);
            lab.feed(&client.syn());
            if reversed {
                pieces.reverse();
            }
            for at in &pieces {
                let piece = &stream[*at..stream.len().min(at + SEGMENT)];
                lab.feed(&client.data(u32::try_from(*at).unwrap(), piece));
            }
            let bytes: Vec<_> = lab.records.iter().map(|record| record.hello_bytes).collect();
            assert_eq!(bytes, [64 * 1024], "reversed: {reversed}");
            lab.finish();
        }
    }
}

#[test]
fn the_established_counters_count_what_their_names_say() {
    let limits = Limits { segments_per_hello: 2, bytes_per_hello: 1_000, ..Limits::default() };
    let mut lab = Lab::new(Settings { limits, ..Settings::default() });
    let client = Client::new(50000, 7);
    let hello = Hello::new(&[0x1301]).padded_to(900).record();
    lab.feed(&client.syn());
    // Again.
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &hello[..100]));
    lab.feed(&client.data(0, &hello[..100]));
    // Two pieces behind a hole, and a third, which is one too many.
    for at in [200, 400, 600] {
        lab.feed(&client.data(at, &hello[usize::try_from(at).unwrap()..][..50]));
    }
    // Far beyond any hello of 1000 bytes, even in records of one byte.
    lab.feed(&client.data(6_000, &[0; 100]));
    // What cannot be read, and what is not watched.
    let broken = client.syn().frame();
    lab.feed_bytes(&broken[..20], 20);
    lab.feed(&client.syn().flags(flags::SYN | flags::FIN));
    lab.feed(&client.data(0, &hello));
    assert_eq!(lab.records.len(), 1);

    let counted = lab.sensor.established();
    assert_eq!((counted.packets_received, counted.packets_dropped), (11, 1));
    assert_eq!(counted.packets_sent, 9);
    assert_eq!((counted.retransmit_count, counted.gap_detected_count), (2, 2));
    assert_eq!((counted.buffer_exceeded_count, counted.segment_exceeded_count), (1, 1));
    lab.finish();
}
