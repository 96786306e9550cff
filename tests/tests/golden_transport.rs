//! The 49 TCP cases of `golden/synthetic/transport.pcap`, one connection each, with STARTTLS on.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ja4sentinel::capture::file::CaptureFile;
use ja4sentinel::capture::{Captured, Source};
use ja4sentinel::record::{Kind, Record};
use ja4sentinel::sensor::{Ledger, Limits, Outcome, PortSet, Sensor, Settings};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/synthetic").join(name)
}

fn settings() -> Settings {
    Settings {
        ports: PortSet::any(),
        starttls: true,
        report_incomplete: true,
        // The cases are seconds apart, and each is one connection.
        limits: Limits { flow_timeout_ns: 3_600_000_000_000, ..Limits::default() },
        ..Settings::default()
    }
}

/// Every record of the capture, by the client's port, and the ledger at its end.
fn run(settings: Settings) -> (HashMap<u16, Vec<Record>>, Ledger) {
    let mut file = CaptureFile::open(&golden("transport.pcap")).expect("the golden capture");
    let mut sensor = Sensor::new(settings, "file");
    let mut records: HashMap<u16, Vec<Record>> = HashMap::new();
    let mut take = |outcome: Outcome<'_>| {
        if let Outcome::Record(record) = outcome {
            records.entry(record.src_port).or_default().push(record.clone());
        }
    };
    while let Some(captured) = file.next().expect("a whole capture") {
        match captured {
            Captured::Frame(frame) => sensor.frame(&frame, &mut take),
            Captured::Interface { index, name } => sensor.name_interface(index, name),
        }
        assert!(sensor.ledger().is_balanced(), "{:?}", sensor.ledger());
    }
    sensor.finish(&mut take);
    (records, sensor.ledger())
}

/// The table: case, client port, JA4 list, JA3 list.
fn cases() -> Vec<(String, u16, String, String)> {
    let text = fs::read_to_string(golden("transport.tsv")).expect("the golden table");
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let [case, port, _, _, ja4, ja3, ..] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("not a row: {line}");
        };
        rows.push((case.to_owned(), port.parse().expect("a port"), ja4.to_owned(), ja3.to_owned()));
    }
    rows
}

fn column(records: &[Record], value: impl Fn(&Record) -> &str) -> String {
    let hellos = records.iter().filter(|record| record.kind == Kind::Hello);
    hellos.map(value).collect::<Vec<_>>().join(",")
}

#[test]
fn every_case_gives_its_fingerprints_and_the_ledger_balances() {
    let (records, ledger) = run(settings());
    let cases = cases();
    assert_eq!(cases.len(), 49, "rows of the table");
    let mut wrong = Vec::new();
    for (case, port, ja4, ja3) in &cases {
        let found = records.get(port).map_or(&[][..], Vec::as_slice);
        if column(found, |record| &record.ja4) != *ja4 || column(found, |r| &r.ja3_hash) != *ja3 {
            wrong.push(format!("{case}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ledger.is_balanced(), "{ledger:#?}");
    let connections = ledger.stage("connections").expect("the stage");
    assert_eq!(connections.in_flight, 0, "nothing is left after the end");
    // One case is two connections on one tuple, six give no fingerprint.
    assert_eq!((connections.taken, connections.passed), (50, 44), "{connections:#?}");
}

/// What the record of a case says about its way.
#[test]
fn oddities_name_what_was_odd() {
    let (records, _) = run(settings());
    let ports: HashMap<String, u16> =
        cases().into_iter().map(|(case, port, ..)| (case, port)).collect();
    for (case, oddities, segments, tls_records) in [
        ("one_segment_small", &[][..], 1, 1),
        ("two_segments", &[], 2, 1),
        ("two_segments_reversed", &["out_of_order"], 2, 1),
        ("one_byte_segments", &["tiny_segments"], 61, 1),
        ("retransmit_first", &["retransmitted"], 2, 1),
        ("overlap_same_bytes", &["overlap"], 2, 1),
        ("two_records", &["split_records"], 1, 2),
        ("tcp_fast_open", &["fast_open"], 1, 1),
        ("ipv4_fragments", &["fragmented"], 1, 1),
        ("starttls_preamble", &["starttls"], 1, 1),
        ("keepalive_before_hello", &[], 1, 1),
    ] {
        let record = &records[&ports[case]][0];
        let found = (&record.oddities[..], record.segments, record.tls_records);
        assert_eq!(found, (oddities, segments, tls_records), "{case}");
    }
}

#[test]
fn losses_have_their_reasons() {
    let (records, ledger) = run(settings());
    let ports: HashMap<String, u16> =
        cases().into_iter().map(|(case, port, ..)| (case, port)).collect();
    for (case, reason) in [
        ("gap_never_filled", "gap_never_filled"),
        ("huge_declared_length", "huge_declared_length"),
        ("sslv2_hello", "sslv2_hello"),
    ] {
        let record = &records[&ports[case]][0];
        assert_eq!((record.kind, record.reason), (Kind::Incomplete, Some(reason)), "{case}");
    }
    let lost = &ledger.stage("connections").expect("the stage").lost;
    for reason in ["plain_text", "other_handshake"] {
        assert!(lost.contains(&(reason, 1)), "{reason}: {lost:?}");
    }
}
