//! Connections that begin, end, meet others on the same ports, and stop in the middle: one record or
//! one reason each.

#![expect(clippy::panic, reason = "a test ends where it goes wrong")]
mod sensor_support;

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{Reading, read};
use ja4sentinel::record::{Kind, MetaSource};
use ja4sentinel::sensor::{Limits, PortSet, Settings};
use ja4sentinel_tests::frames::{Packet, flags};
use ja4sentinel_tests::hellos::{Hello, record};
use sensor_support::{Client, Lab, SECOND, client, count, server};

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

fn reporting() -> Settings {
    Settings { report_incomplete: true, ..Settings::default() }
}

#[test]
fn a_hello_retry_gives_a_second_record_joined_to_the_first() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &small()));
    // change_cipher_spec and the second hello, cut in the middle of either.
    let second = [record(20, &[1]), large()].concat();
    let from = u32::try_from(small().len()).unwrap();
    lab.feed(&client.data(from, &second[..3]));
    lab.feed(&client.data(from + 3, &second[3..900]));
    lab.feed(&client.data(from + 900, &second[900..]));
    assert_eq!(lab.ja4(), [ja4(&small()), ja4(&large())]);
    assert_eq!(lab.records.iter().map(|r| r.hello_index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lab.records[1].meta_source, MetaSource::Syn);
    assert_eq!(lab.records[1].syn_to_hello_us, Some(4000));
    assert_eq!(lab.settled.len(), 1, "two hellos are all that there can be");
    // Whatever is repeated now gives no third.
    lab.feed(&client.data(0, &small()));
    lab.feed(&client.data(from, &second));
    assert_eq!(lab.records.len(), 2);
    let ledger = lab.finish();
    assert_eq!(ledger.stage("connections").map(|stage| stage.passed), Some(1));
    assert_eq!(ledger.stage("further_hellos").map(|stage| stage.passed), Some(1));
}

#[test]
fn what_follows_the_hello_settles_the_connection() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &small()));
    assert_eq!(lab.settled.len(), 0, "a HelloRetryRequest may follow");
    let from = u32::try_from(small().len()).unwrap();
    lab.feed(&client.data(from, &record(23, &[0; 40])));
    assert_eq!(lab.settled.len(), 1);
    lab.finish();
}

#[test]
fn only_a_further_hello_that_began_is_lost() {
    let from = u32::try_from(small().len()).unwrap();
    let change_cipher_spec = record(20, &[1]);
    let begun = [change_cipher_spec.clone(), large()[..9].to_vec()].concat();
    for (bytes, lost) in [(&change_cipher_spec[..], 0), (&change_cipher_spec[..4], 0), (&begun, 1)]
    {
        let mut lab = Lab::new(Settings::default());
        let client = Client::new(50000, 7);
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &small()));
        lab.feed(&client.data(from, bytes));
        assert_eq!(lab.settled.len(), 0, "a further hello may follow");
        let ledger = lab.finish();
        let further = ledger.stage("further_hellos").map(|stage| (stage.taken, stage.losses()));
        assert_eq!(further, Some((lost, lost)), "{bytes:?}");
    }
}

#[test]
fn ports_used_again_make_a_new_connection() {
    for end in [Some(flags::RST), Some(flags::FIN | flags::ACK), None] {
        let mut lab = Lab::new(Settings::default());
        let (first, second) = (Client::new(50000, 7), Client::new(50000, 90_000_000));
        lab.feed(&first.syn());
        lab.feed(&first.data(0, &small()));
        if let Some(flags) = end {
            let from = u32::try_from(small().len()).unwrap();
            lab.feed(&first.data(from, &[]).flags(flags));
        }
        lab.feed(&second.syn());
        lab.feed(&second.syn());
        lab.feed(&second.data(0, &large()[..1000]));
        lab.feed(&second.data(1000, &large()[1000..]));
        assert_eq!(lab.ja4(), [ja4(&small()), ja4(&large())], "{end:?}");
        assert_eq!(lab.records[1].hello_index, 1);
        let ledger = lab.finish();
        assert_eq!(
            ledger.stage("connections").map(|stage| (stage.taken, stage.passed)),
            Some((2, 2))
        );
    }
}

#[test]
fn ports_used_again_without_a_syn_or_an_end() {
    let mut lab = Lab::new(Settings::default());
    let (first, second) = (Client::new(50000, 7), Client::new(50000, 90_000_000));
    lab.feed(&first.syn());
    lab.feed(&first.data(0, &small()));
    let from = u32::try_from(small().len()).unwrap();
    lab.feed(&first.data(from, &record(23, &[0; 40])));
    lab.feed(&second.data(0, &large()));
    assert_eq!(lab.ja4(), [ja4(&small()), ja4(&large())]);
    assert_eq!(lab.records[1].meta_source, MetaSource::Hello);
    lab.finish();
}

#[test]
fn a_new_connection_takes_over_from_one_in_the_middle_of_its_hello() {
    let mut lab = Lab::new(reporting());
    let (first, second) = (Client::new(50000, 7), Client::new(50000, 90_000_000));
    lab.feed(&first.syn());
    lab.feed(&first.data(0, &large()[..700]));
    lab.feed(&second.syn());
    lab.feed(&second.data(0, &small()));
    assert_eq!(lab.ja4(), [ja4(&small())]);
    assert_eq!(lab.records[0].meta_source, MetaSource::Syn);
    lab.wait(31 * SECOND);
    assert_eq!(lab.lost("hello_unfinished"), 1);
    assert_eq!(lab.records[1].reason, Some("hello_unfinished"));
    lab.finish();
}

/// The first one's answer was lost, or it is a scan: the client gives it up and goes on with the
/// second.
#[test]
fn a_connection_that_was_opened_beside_another_takes_its_place() {
    let mut lab = Lab::new(Settings::default());
    let (first, second) = (Client::new(50000, 7), Client::new(50000, 90_000_000));
    lab.feed(&first.syn());
    lab.feed(&second.syn());
    lab.feed(&first.data(0, &[]).flags(flags::RST));
    assert_eq!((lab.lost("closed_before_hello"), lab.sensor.tracked()), (1, 1));
    lab.feed(&second.data(0, &large()));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    assert_eq!(lab.records[0].meta_source, MetaSource::Syn);
    lab.finish();
}

/// A server ignores a SYN, a reset or payload outside of its window; so the hello goes on.
#[test]
fn what_a_server_ignores_does_not_hide_a_hello() {
    let mut lab = Lab::new(Settings::default());
    let (client, stray) = (Client::new(50000, 7), Client::new(50000, 1 << 30));
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &large()[..700]));
    lab.feed(&stray.syn());
    lab.feed(&stray.data(0, b"garbage that is no hello"));
    lab.feed(&stray.data(500, &[]).flags(flags::RST));
    lab.feed(&client.data(701, &[]).flags(flags::RST));
    lab.feed(&client.data(100, &[]).flags(flags::FIN | flags::ACK));
    lab.feed(&client.data(700, b"garbage where the hello goes on").flags(flags::PSH));
    lab.feed(&client.data(700, &[]).flags(flags::FIN));
    lab.feed(&Packet { payload: vec![0; 900], ..client.syn() }.flags(flags::SYN | flags::FIN));
    lab.feed(&client.data(700, &large()[700..]));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    lab.finish();
}

#[test]
fn a_fin_waits_for_the_bytes_before_it() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    let len = u32::try_from(large().len()).unwrap();
    lab.feed(&client.syn());
    lab.feed(&client.data(len, &[]).flags(flags::FIN | flags::ACK));
    lab.feed(&client.data(900, &large()[900..]).flags(flags::FIN | flags::ACK));
    lab.feed(&client.data(0, &large()[..900]));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    assert_eq!(lab.settled.len(), 0, "nothing more comes of what is closed");
    lab.feed(&client.data(len, &[]).flags(flags::FIN | flags::ACK));
    lab.feed(&client.data(len, &[]).flags(flags::FIN | flags::ACK));
    assert_eq!(lab.settled.len(), 1, "something came nevertheless");
    lab.finish();
}

#[test]
fn reasons_of_connections_without_a_hello() {
    let hello = large();
    let len = u32::try_from(hello.len()).unwrap();
    type Step = Box<dyn Fn(&mut Lab, &Client)>;
    let feed = |packet: fn(&Client) -> Packet| -> Step {
        Box::new(move |lab, client| lab.feed(&packet(client)))
    };
    let part = |from: usize, to: usize| -> Step {
        let bytes = hello[from..to].to_vec();
        let from = u32::try_from(from).unwrap();
        Box::new(move |lab, client| lab.feed(&client.data(from, &bytes)))
    };
    let pass = || -> Step { Box::new(|lab, _| lab.wait(31 * SECOND)) };
    let reset = move |at: u32| -> Step {
        Box::new(move |lab, client| lab.feed(&client.data(at, &[]).flags(flags::RST)))
    };
    let finish = move |at: u32| -> Step {
        Box::new(move |lab, client| lab.feed(&client.data(at, &[]).flags(flags::FIN | flags::ACK)))
    };
    let end = || -> Step { Box::new(|lab, _| drop(lab.finish())) };
    let cases: Vec<(&str, Vec<Step>)> = vec![
        ("no_payload", vec![pass()]),
        ("closed_before_hello", vec![reset(0)]),
        ("closed_before_hello", vec![finish(0)]),
        ("closed_in_hello", vec![part(0, 700), reset(700)]),
        ("closed_in_hello", vec![part(0, 700), finish(700)]),
        ("hello_unfinished", vec![part(0, 700), pass()]),
        ("gap_never_filled", vec![part(0, 700), part(900, 1500), pass()]),
        ("gap_never_filled", vec![part(900, 1500), end()]),
        ("gap_never_filled", vec![finish(len), pass()]),
        ("end_of_input", vec![end()]),
        ("end_of_input", vec![part(0, 700), end()]),
        ("plain_text", vec![feed(|client| client.data(0, b"GET / HTTP/1.1\r\n\r\n"))]),
        ("tls_alert", vec![feed(|client| client.data(0, &record(21, &[2, 40])))]),
        (
            "interrupted_hello",
            vec![feed(|client| {
                client.data(0, &[record(22, &[1, 0, 1, 0, 3, 3]), record(23, &[0])].concat())
            })],
        ),
        (
            "truncated_capture",
            vec![
                Box::new(|lab, client| {
                    let frame = client.data(0, &large()).frame();
                    lab.feed_bytes(&frame[..400], frame.len());
                }),
                pass(),
            ],
        ),
        (
            "truncated_capture",
            vec![
                Box::new(|lab, client| {
                    let frame = client.data(0, &large()).frame();
                    lab.feed_bytes(&frame[..66], frame.len());
                }),
                pass(),
            ],
        ),
    ];
    for (reason, steps) in cases {
        let mut lab = Lab::new(reporting());
        let client = Client::new(50000, 7);
        lab.feed(&client.syn());
        for step in steps {
            step(&mut lab, &client);
        }
        assert_eq!(lab.lost(reason), 1, "{:#?}", lab.sensor.ledger());
        let ledger = lab.finish();
        assert_eq!(ledger.stage("connections").map(|stage| stage.losses()), Some(1), "{reason}");
        // A record, where bytes of a hello were seen.
        let told: Vec<_> = lab.records.iter().map(|record| (record.kind, record.reason)).collect();
        let concerns = !matches!(
            reason,
            "no_payload" | "closed_before_hello" | "plain_text" | "tls_alert" | "end_of_input"
        );
        if concerns && !told.is_empty() {
            assert_eq!(told, [(Kind::Incomplete, Some(reason))]);
        }
        assert!(lab.records.iter().all(|record| record.ja4.is_empty()));
    }
}

/// A fact that is not known is absent, and no fingerprint is made up.
#[test]
fn an_incomplete_record_says_what_is_known() {
    let mut lab = Lab::new(reporting());
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &large()[..900]));
    lab.feed(&client.data(1000, &large()[1000..]));
    lab.wait(31 * SECOND);
    let line = serde_json::to_value(&lab.records[0]).unwrap_or_default();
    for absent in ["ja4", "ja4_hash", "ja3", "ja3_hash", "ja4_r", "tls_version", "hello_bytes"] {
        assert_eq!(line.get(absent), None, "{absent}");
    }
    for (name, value) in [
        ("kind", "incomplete".into()),
        ("reason", "gap_never_filled".into()),
        ("src_port", 50000.into()),
        ("tcp_meta_mss", 1460.into()),
        ("segments", 2.into()),
        ("hello_index", 1.into()),
        ("oddities", vec!["out_of_order"].into()),
    ] {
        let value: serde_json::Value = value;
        assert_eq!(line.get(name), Some(&value), "{name}");
    }
    lab.finish();
}

#[test]
fn a_truncated_segment_that_comes_again_whole_is_no_loss() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    let frame = client.data(0, &large()).frame();
    lab.feed_bytes(&frame[..400], frame.len());
    lab.feed(&client.data(0, &large()));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    lab.finish();
}

#[test]
fn data_on_the_syn_counts_unless_the_client_sends_other_bytes_in_its_place() {
    let (fake, real) = (small(), large());
    let open = |payload: &[u8]| {
        let client = Client::new(50000, 7);
        (client, Packet { payload: payload.to_vec(), ..client.syn() })
    };
    // Accepted: the client goes on behind it.
    let mut lab = Lab::new(Settings::default());
    let (client, syn) = open(&real[..900]);
    lab.feed(&syn);
    lab.feed(&client.data(900, &real[900..]));
    assert_eq!(lab.ja4(), [ja4(&real)]);
    assert!(lab.records[0].oddities.contains(&"fast_open"));
    lab.finish();

    // Not accepted, and sent again.
    let mut lab = Lab::new(Settings::default());
    let (client, syn) = open(&real[..900]);
    lab.feed(&syn);
    lab.feed(&client.data(0, &real[..1400]));
    lab.feed(&client.data(1400, &real[1400..]));
    assert_eq!(lab.ja4(), [ja4(&real)]);
    lab.finish();

    // Not accepted, and something else is sent: that is what the server reads.
    for fake in [&fake[..], &fake[..40], b"no hello at all, and quite long as well"] {
        let mut lab = Lab::new(Settings::default());
        let (client, syn) = open(fake);
        lab.feed(&syn);
        lab.feed(&client.data(0, &real[..1400]));
        lab.feed(&client.data(1400, &real[1400..]));
        let last = lab.records.last().unwrap_or_else(|| panic!("no record"));
        assert_eq!(*last.ja4, ja4(&real));
        assert!(last.oddities.contains(&"overlap_conflict"));
        lab.finish();
    }
}

#[test]
fn without_a_syn_only_what_begins_like_a_hello_is_followed() {
    let mut lab = Lab::new(Settings { ports: PortSet::any(), ..Settings::default() });
    let connection = Client::new(50000, 7);
    lab.feed(&connection.data(5000, b"GET / HTTP/1.1\r\n\r\n"));
    lab.feed(&connection.data(6000, &record(23, &[1; 600])));
    lab.feed(&connection.data(7000, &large()[900..]));
    assert_eq!(lab.sensor.tracked(), 0);
    assert_eq!(count(&lab.sensor.ledger(), "frames", "not_selected"), 3);
    lab.feed(&connection.data(0, &large()[..1]));
    lab.feed(&connection.data(1, &large()[1..]));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    assert_eq!(lab.records[0].meta_source, MetaSource::Hello);
    assert_eq!(lab.records[0].syn_to_hello_us, None);
    lab.finish();
}

#[test]
fn a_syn_that_comes_late_gives_its_facts() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    lab.feed(&client.data(0, &large()[..900]));
    lab.feed(&client.syn());
    lab.feed(&client.data(900, &large()[900..]));
    assert_eq!(lab.ja4(), [ja4(&large())]);
    assert_eq!(lab.records[0].meta_source, MetaSource::Syn);
    assert_eq!(lab.records[0].tcp_meta_mss, Some(1460));
    lab.finish();
}

/// With both directions captured and every port watched, a server's first bytes, which may be
/// those of a handshake record alone, make no connection.
#[test]
fn the_servers_direction_is_none_of_ours() {
    for syn_seen in [true, false] {
        let mut lab = Lab::new(Settings { ports: PortSet::any(), ..Settings::default() });
        let connection = Client::new(50000, 7);
        let answer = |payload: &[u8]| Packet::data(server(), client(50000), 900, payload);
        if syn_seen {
            lab.feed(&connection.syn());
            lab.feed(&answer(&[]).flags(flags::SYN | flags::ACK));
        }
        lab.feed(&connection.data(0, &small()));
        lab.feed(&answer(&[22, 3, 3]));
        lab.feed(&answer(&[22, 3, 3, 0, 90, 2]));
        assert_eq!(lab.sensor.tracked(), 1);
        assert_eq!(lab.ja4(), [ja4(&small())]);
        lab.finish();
    }
}

#[test]
fn other_ports_and_clients_are_left_out() {
    let mut settings = Settings::default();
    settings.clients.deny = vec!["192.0.2.0/24".parse().expect("a network")];
    let mut lab = Lab::new(settings);
    let denied = Client::new(50000, 7);
    let other = Client { server: "198.51.100.1:8080".parse().unwrap(), ..denied };
    lab.feed(&denied.syn());
    lab.feed(&other.syn());
    let ledger = lab.finish();
    assert_eq!(count(&ledger, "frames", "other_client"), 1);
    assert_eq!(count(&ledger, "frames", "other_port"), 1);
    assert_eq!(ledger.stage("connections").map(|stage| stage.taken), Some(0));
}

#[test]
fn the_byte_limit_is_on_the_hello() {
    let limits = Limits { bytes_per_hello: 1500, ..Limits::default() };
    let mut lab = Lab::new(Settings { limits, ..reporting() });
    let fitting = Hello::browser().padded_to(1504).record();
    for (port, hello) in [(50000, &fitting), (50001, &large())] {
        let client = Client::new(port, 7);
        lab.feed(&client.syn());
        lab.feed(&client.data(0, hello));
    }
    // One that never ends.
    let endless = Client::new(50002, 7);
    lab.feed(&endless.syn());
    lab.feed(&endless.data(0, &record(22, &[1, 0, 0xff, 0])));
    for at in 0..2000 {
        lab.feed(&endless.data(9 + at * 6, &record(22, &[0])));
    }
    assert_eq!(lab.ja4(), [&ja4(&fitting), "", ""]);
    assert_eq!(lab.lost("byte_limit"), 2);
    lab.finish();
}

#[test]
fn the_segment_limit_is_on_pieces_apart() {
    let limits = Limits { segments_per_hello: 10, ..Limits::default() };
    let mut lab = Lab::new(Settings { limits, ..reporting() });
    let hello = large();
    let pieces: Vec<usize> = (0..hello.len()).step_by(50).collect();
    let piece = |at: usize| &hello[at..hello.len().min(at + 50)];
    // Every second piece, backwards: more than ten lie apart; then the others, in vain.
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    let (even, odd): (Vec<usize>, Vec<usize>) = pieces.iter().partition(|at| *at % 100 == 0);
    for at in even.iter().rev().chain(&odd) {
        lab.feed(&client.data(u32::try_from(*at).unwrap(), piece(*at)));
    }
    assert!(lab.records.is_empty());
    assert!(lab.sensor.established().segment_exceeded_count > 0);
    // What was left out comes again, as TCP does.
    for at in &pieces {
        lab.feed(&client.data(u32::try_from(*at).unwrap(), piece(*at)));
    }
    assert_eq!(lab.ja4(), [ja4(&hello)]);
    // And where it does not, that is the reason.
    let client = Client::new(50001, 7);
    lab.feed(&client.syn());
    for at in even.iter().rev() {
        lab.feed(&client.data(u32::try_from(*at).unwrap(), piece(*at)));
    }
    lab.wait(31 * SECOND);
    assert_eq!(lab.lost("segment_limit"), 1);
    lab.finish();
}

#[test]
fn the_memory_limit_is_kept_and_stalled_hellos_leave_for_new_ones() {
    let limits = Limits { reassembly_bytes: 40_000, ..Limits::default() };
    let mut lab = Lab::new(Settings { limits, ..Settings::default() });
    let hello = large();
    for port in 0..200 {
        let client = Client::new(port, 7);
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &hello[..900]));
        assert!(lab.sensor.reassembly_bytes().0 <= limits.reassembly_bytes);
    }
    assert!(lab.sensor.established().buffer_exceeded_count > 0);
    // The hellos that were begun go on.
    for port in 0..20 {
        lab.feed(&Client::new(port, 7).data(900, &hello[900..]));
    }
    assert_eq!(lab.records.len(), 20);
    // Seconds later the others have stalled, and newcomers find room.
    lab.wait(4 * SECOND);
    for port in 1000..1100 {
        let client = Client::new(port, 7);
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &hello[..900]));
        lab.feed(&client.data(900, &hello[900..]));
    }
    assert_eq!(lab.records.len(), 120);
    lab.wait(31 * SECOND);
    assert!(lab.lost("memory_limit") > 0 || lab.lost("evicted") > 0);
    lab.finish();
}

#[test]
fn a_lower_limit_takes_effect_without_losing_a_hello() {
    let mut lab = Lab::new(Settings::default());
    let hello = large();
    for port in 0..100 {
        let client = Client::new(port, 7);
        lab.feed(&client.syn());
        if port < 10 {
            lab.feed(&client.data(0, &hello[..900]));
        }
    }
    let limits = Limits { flows: 20, ..Limits::default() };
    lab.sensor.reconfigure(Settings { limits, ..Settings::default() });
    lab.feed(&Client::new(1000, 7).syn());
    assert_eq!(lab.sensor.tracked(), 20);
    for port in 0..10 {
        lab.feed(&Client::new(port, 7).data(900, &hello[900..]));
    }
    assert_eq!(lab.records.len(), 10);
    assert_eq!(lab.lost("evicted"), 81);
    lab.finish();
}

#[test]
fn time_never_goes_back() {
    let mut lab = Lab::new(Settings::default());
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    lab.wait(20 * SECOND);
    lab.now_ns -= 19 * SECOND;
    lab.feed(&client.data(0, &large()[..900]));
    lab.now_ns += 45 * SECOND;
    lab.feed(&client.data(900, &large()[900..]));
    assert_eq!(lab.ja4(), [ja4(&large())], "26 s after the last progress at the latest time seen");
    lab.finish();
}

#[test]
fn a_large_table_is_swept_in_time() {
    let mut lab = Lab::new(Settings::default());
    for port in 0..5000 {
        lab.feed_bytes(&Client::new(port, 7).syn().frame(), 74);
    }
    lab.wait(60 * SECOND);
    assert_eq!((lab.sensor.tracked(), lab.lost("no_payload")), (0, 5000));
    lab.finish();
}
