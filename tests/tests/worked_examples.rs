//! The worked examples of the JA4 rules: hellos rebuilt from the lists of real ones, with every
//! form of their fingerprints.
//!
//! E12 stands apart: of its 350 ciphers only six are published.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]

use std::collections::HashMap;

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{Reading, read};
use ja4sentinel_tests::hellos::{
    ALPN, GROUPS, Hello, POINT_FORMATS, SERVER_NAME, SIGNATURE_ALGORITHMS, VERSIONS,
};

const TABLE: &str = include_str!("../golden/worked_examples.tsv");

/// Values in hex, comma-separated.
fn hex_list(text: &str) -> Vec<u16> {
    text.split(',')
        .filter(|value| !value.is_empty())
        .map(|value| u16::from_str_radix(value, 16).expect("hex"))
        .collect()
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

/// A hello with the lists of one row; extensions whose content plays no part are empty.
fn rebuild(row: &HashMap<&str, &str>) -> Hello {
    let legacy = u16::from_str_radix(row["legacy_version"], 16).expect("hex");
    let hello = Hello::new(&hex_list(row["ciphers"])).legacy_version(legacy);
    hex_list(row["extensions"]).into_iter().fold(hello, |hello, kind| match kind {
        SERVER_NAME => hello.server_name("www.example.com"),
        VERSIONS => hello.versions(&hex_list(row["versions"])),
        SIGNATURE_ALGORITHMS => hello.signature_algorithms(&hex_list(row["signature_algorithms"])),
        ALPN => hello.alpn(&[&hex_bytes(row["first_alpn"]), b"http/1.1"]),
        GROUPS => hello.groups(&hex_list(row["groups"])),
        POINT_FORMATS => {
            let formats =
                row["point_formats"].split(',').map(|format| format.parse().expect("a byte"));
            hello.point_formats(&formats.collect::<Vec<u8>>())
        }
        other => hello.extension(other, &[]),
    })
}

fn fingerprints(hello: &Hello, transport: Transport) -> Fingerprints {
    let stream = hello.record();
    let mut scratch = Vec::new();
    match read(&stream, &mut scratch) {
        Reading::Hello(found) => Fingerprints::of(&found.hello, transport),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_example_gives_every_form() {
    let mut lines = TABLE.lines().map(|line| line.split('\t'));
    let names: Vec<&str> = lines.next().expect("a header line").collect();
    let rows: Vec<HashMap<&str, &str>> =
        lines.map(|cells| names.iter().copied().zip(cells).collect()).collect();
    assert_eq!(rows.len(), 20, "E1 to E21 without E12");
    for row in rows {
        let example = format!("{} {}", row["example"], row["title"]);
        let transport = match row["transport"] {
            "t" => Transport::Tcp,
            "q" => Transport::Quic,
            "d" => Transport::Dtls,
            other => panic!("{example}: transport {other}"),
        };
        let found = fingerprints(&rebuild(&row), transport);
        assert_eq!(&*found.ja4, row["ja4"], "{example}");
        assert_eq!(found.ja4_r, row["ja4_r"], "{example}");
        assert_eq!(&*found.ja4_o, row["ja4_o"], "{example}");
        assert_eq!(found.ja4_ro, row["ja4_ro"], "{example}");
        assert_eq!(found.ja3, row["ja3_full"], "{example}");
        assert_eq!(&*found.ja3_hash, row["ja3"], "{example}");
    }
}

/// 350 ciphers: the parts that do not depend on which.
#[test]
fn e12_more_than_99_ciphers() {
    let ciphers: Vec<u16> = (0x4000..0x4000 + 350).collect();
    let algorithms = [
        0x0201, 0x0301, 0x0401, 0x0501, 0x0601, 0x0202, 0x0302, 0x0402, 0x0502, 0x0602, 0x0203,
        0x0303, 0x0403, 0x0503, 0x0603,
    ];
    let hello = Hello::new(&ciphers)
        .groups(&[0x0017, 0x0018])
        .signature_algorithms(&algorithms)
        .point_formats(&[0, 1, 2]);
    let found = fingerprints(&hello, Transport::Tcp);
    assert!(found.ja4.starts_with("t12i990300_"), "{}", found.ja4);
    assert!(found.ja4.ends_with("_1e2a54cae03f"), "{}", found.ja4);
    assert!(found.ja4_o.starts_with("t12i990300_"), "{}", found.ja4_o);
    assert!(found.ja4_o.ends_with("_1fc4274e0e50"), "{}", found.ja4_o);
    assert!(found.ja3.starts_with("771,16384-16385-"), "{}", found.ja3);
    assert!(found.ja3.ends_with("-16733,10-13-11,23-24,0-1-2"), "{}", found.ja3);
}
