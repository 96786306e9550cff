//! Segments that the server's kernel throws away, sent to hide the hello that it keeps.

#![expect(clippy::panic, reason = "a test ends where it goes wrong")]
mod sensor_support;

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{Reading, read};
use ja4sentinel::record::MetaSource;
use ja4sentinel::sensor::Settings;
use ja4sentinel_tests::hellos::Hello;
use sensor_support::{Client, Lab, SECOND, count};

fn small() -> Vec<u8> {
    Hello::new(&[0x1301, 0x1302]).server_name("small.example").record()
}

fn large() -> Vec<u8> {
    Hello::browser().padded_to(1800).record()
}

fn ja4(stream: &[u8]) -> String {
    match read(stream, &mut Vec::new()) {
        Reading::Hello(found) => Fingerprints::of(&found.hello, Transport::Tcp).ja4.to_string(),
        other => panic!("no hello: {other:?}"),
    }
}

#[test]
fn a_hello_far_from_the_window_hides_no_other() {
    // Far behind it, and before it to its very beginning: its server ignores both.
    for far in [1 << 20, 0u32.wrapping_sub(u32::try_from(large().len()).unwrap())] {
        for (pause, ruses) in [(0, 0), (4 * SECOND, usize::from(far == 1 << 20))] {
            let mut lab = Lab::new(Settings::default());
            let client = Client::new(50000, 7_000_000);
            lab.feed(&client.syn());
            lab.wait(pause);
            lab.feed(&client.data(far, &large()));
            lab.feed(&client.data(0, &small()));
            // After a while it may be a new connection whose SYN was missed; the old one stays.
            let mut expected = vec![ja4(&large()); ruses];
            expected.push(ja4(&small()));
            assert_eq!(lab.ja4(), expected);
            assert_eq!(lab.records[ruses].meta_source, MetaSource::Syn);
            lab.finish();
        }
    }
}

#[test]
fn a_segment_that_is_signed_when_the_syn_was_not_is_no_part_of_the_stream() {
    // TCP MD5 (RFC 2385) and TCP-AO (RFC 5925), as long as the one and the other may be.
    for kind in [19, 29] {
        let signed = [&[kind, 18][..], &[0x5a; 16], &[1, 1]].concat();
        let mut lab = Lab::new(Settings::default());
        let client = Client::new(50000, 7);
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &large()[..600]).options(signed.clone()));
        lab.feed(&client.data(0, &small()));
        assert_eq!(lab.ja4(), [ja4(&small())]);
        assert!(lab.records[0].oddities.is_empty());
        assert_eq!(count(&lab.sensor.ledger(), "frames", "signature"), 1);
        lab.finish();

        // And the other way round.
        let mut lab = Lab::new(Settings::default());
        lab.feed(&client.syn().options(signed.clone()));
        lab.feed(&client.data(0, &large()[..600]));
        lab.feed(&client.data(0, &small()).options(signed.clone()));
        assert_eq!(lab.ja4(), [ja4(&small())]);
        lab.finish();

        // Nobody knows how a SYN was that was not seen.
        let mut lab = Lab::new(Settings::default());
        lab.feed(&client.data(0, &small()[..50]));
        lab.feed(&client.data(50, &small()[50..]).options(signed));
        assert_eq!(lab.ja4(), [ja4(&small())]);
        lab.finish();
    }
}
