//! The numbered edge cases of the JA4 rules, a test each; a number may have several.
//!
//! Where a rule is settled by what the lists hold, the readable forms (JA4_r, JA4_ro) are compared;
//! that their hashes are right is shown by `worked_examples` and `golden_hellos`.

#![expect(clippy::expect_used, clippy::panic, reason = "a test ends where it goes wrong")]

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{Reading, read};
use ja4sentinel_tests::hellos::{
    ALPN, GROUPS, Hello, POINT_FORMATS, SERVER_NAME, SIGNATURE_ALGORITHMS, VERSIONS, u16s, vector16,
};

/// Twelve zeros, which stand for the hash of nothing.
const NOTHING: &str = "000000000000";

fn over(transport: Transport, hello: &Hello) -> Fingerprints {
    let stream = hello.record();
    let mut scratch = Vec::new();
    match read(&stream, &mut scratch) {
        Reading::Hello(found) => Fingerprints::of(&found.hello, transport),
        other => panic!("{other:?}: {hello:?}"),
    }
}

fn of(hello: &Hello) -> Fingerprints {
    over(Transport::Tcp, hello)
}

/// Part `index` of a fingerprint.
fn part(fingerprint: &str, index: usize) -> String {
    fingerprint.split('_').nth(index).expect("a part").to_owned()
}

/// The two characters of part a at `start`.
fn pair(hello: &Hello, start: usize) -> String {
    of(hello).ja4.get(start..start + 2).expect("part a has ten characters").to_owned()
}

fn version(hello: &Hello) -> String {
    pair(hello, 1)
}

fn sni_flag(hello: &Hello) -> char {
    of(hello).ja4.chars().nth(3).expect("part a has ten characters")
}

fn counts(hello: &Hello) -> String {
    pair(hello, 4) + &pair(hello, 6)
}

fn alpn(name: &[u8]) -> String {
    pair(&plain().alpn(&[name, b"http/1.1"]), 8)
}

/// Two ciphers and no extension.
fn plain() -> Hello {
    Hello::new(&[0x1302, 0x1301])
}

#[test]
fn rule_01_no_extension_block_and_an_empty_one_are_the_same() {
    let fingerprints = of(&plain());
    assert_eq!(fingerprints, of(&plain().extension_block()));
    assert_eq!(fingerprints.ja4_r, "t12i020000_1301,1302_");
    assert_eq!(part(&fingerprints.ja4, 2), NOTHING);
    assert_eq!(part(&fingerprints.ja4_o, 2), NOTHING);
    assert_eq!(fingerprints.ja3, "771,4866-4865,,,");
}

#[test]
fn rule_02_only_sni_and_alpn_leave_nothing_to_hash() {
    let sni = of(&plain().server_name("a.example"));
    assert_eq!(sni.ja4_r, "t12d020100_1301,1302_");
    assert_eq!(part(&sni.ja4, 2), NOTHING);
    assert_eq!(part(&sni.ja4_o, 2), "9af15b336e6a", "the hash of \"0000\"");
    let both = of(&plain().server_name("a.example").alpn(&[b"h2"]));
    assert_eq!(both.ja4_r, "t12d0202h2_1301,1302_");
    assert_eq!(part(&both.ja4, 2), NOTHING);
    assert_eq!(both.ja4_ro, "t12d0202h2_1302,1301_0000,0010");
}

#[test]
fn rule_03_only_grease_extensions_count_as_none() {
    let fingerprints = of(&plain().extension(0x0a0a, &[]).extension(0xfafa, &[1]));
    assert_eq!(fingerprints.ja4_ro, "t12i020000_1302,1301_");
    assert_eq!(part(&fingerprints.ja4, 2), NOTHING);
    assert_eq!(part(&fingerprints.ja4_o, 2), NOTHING);
}

#[test]
fn rule_04_no_ciphers_or_only_grease_ones_give_zeros() {
    for hello in [Hello::new(&[]), Hello::new(&[0x1a1a, 0xbaba])] {
        let fingerprints = of(&hello.extension(0x0017, &[]));
        assert_eq!(fingerprints.ja4_r, "t12i000100__0017");
        assert_eq!(part(&fingerprints.ja4, 1), NOTHING);
        assert_eq!(fingerprints.ja3, "771,,23,,");
    }
}

#[test]
fn rule_05_without_signature_algorithms_there_is_no_underscore() {
    let expected = "t12i020100_1301,1302_000d";
    assert_eq!(of(&plain().signature_algorithms(&[])).ja4_r, expected);
    assert_eq!(of(&plain().signature_algorithms(&[0x0a0a, 0x9a9a])).ja4_r, expected);
    assert_eq!(of(&plain().extension(SIGNATURE_ALGORITHMS, &[])).ja4_r, expected);
    assert_eq!(of(&plain().extension(0x0017, &[])).ja4_r, "t12i020100_1301,1302_0017");
}

#[test]
fn rule_06_grease_inside_signature_algorithms_is_removed() {
    let with = of(&plain().signature_algorithms(&[0x8a8a, 0x0403, 0x3a3a, 0x0804]));
    let without = of(&plain().signature_algorithms(&[0x0403, 0x0804]));
    assert_eq!(with, without);
    assert_eq!(with.ja4_r, "t12i020100_1301,1302_000d_0403,0804");
}

#[test]
fn rule_07_signature_algorithms_keep_their_order_and_duplicates() {
    let fingerprints = of(&plain().signature_algorithms(&[0x0804, 0x0403, 0x0804]));
    assert_eq!(fingerprints.ja4_r, "t12i020100_1301,1302_000d_0804,0403,0804");
    assert_eq!(part(&fingerprints.ja4, 2), part(&fingerprints.ja4_o, 2));
}

#[test]
fn rule_08_algorithms_of_other_extensions_are_not_used() {
    let list = vector16(&u16s(&[0x0601, 0x0501]));
    let hello =
        plain().extension(0x0022, &list).extension(0x0032, &list).signature_algorithms(&[0x0403]);
    assert_eq!(of(&hello).ja4_r, "t12i020300_1301,1302_000d,0022,0032_0403");
    let without = plain().extension(0x0022, &list).extension(0x0032, &list);
    assert_eq!(of(&without).ja4_r, "t12i020200_1301,1302_0022,0032");
}

#[test]
fn rule_09_signalling_suites_are_ordinary_ciphers() {
    let hello = Hello::new(&[0x1301, 0x00ff, 0x5600, 0xfefe]);
    assert_eq!(of(&hello).ja4_r, "t12i040000_00ff,1301,5600,fefe_");
}

#[test]
fn rule_10_counts_end_at_99_and_hashes_do_not() {
    let ciphers = |count: u16| (0x4000..0x4000 + count).collect::<Vec<u16>>();
    let hello = |count: u16| {
        ciphers(count)
            .iter()
            .fold(Hello::new(&ciphers(count)), |hello, kind| hello.extension(*kind, &[]))
    };
    assert_eq!(counts(&hello(99)), "9999");
    assert_eq!(counts(&hello(100)), "9999");
    assert_eq!(counts(&hello(350)), "9999");
    let list: Vec<String> = ciphers(100).iter().map(|value| format!("{value:04x}")).collect();
    let list = list.join(",");
    assert_eq!(of(&hello(100)).ja4_r, format!("t12i999900_{list}_{list}"));
    assert_ne!(part(&of(&hello(99)).ja4, 1), part(&of(&hello(100)).ja4, 1));
    // GREASE does not count towards the limit either.
    let grease =
        ciphers(98).iter().fold(Hello::new(&[]), |hello, kind| hello.extension(*kind, &[]));
    assert_eq!(counts(&grease.extension(0x0a0a, &[]).extension(0x1a1a, &[])), "0098");
}

#[test]
fn rule_11_duplicates_are_kept_and_counted() {
    let hello = Hello::new(&[0x1301, 0x1301, 0x002f]).extension(0x0017, &[]).extension(0x0017, &[]);
    assert_eq!(of(&hello).ja4_r, "t12i030200_002f,1301,1301_0017,0017");
    assert_eq!(of(&hello).ja3, "771,4865-4865-47,23-23,,");
}

/// Section 2: an extension that carries content and occurs twice.
#[test]
fn rule_11_the_first_of_two_extensions_gives_the_content() {
    let hello = plain()
        .server_name("first.example")
        .server_name("second.example")
        .alpn(&[b"h2"])
        .alpn(&[b"xx"])
        .versions(&[0x0302])
        .versions(&[0x0304])
        .signature_algorithms(&[0x0403])
        .signature_algorithms(&[0x0804])
        .groups(&[29])
        .groups(&[23])
        .point_formats(&[0])
        .point_formats(&[1]);
    let fingerprints = of(&hello);
    assert_eq!(
        fingerprints.ja4_ro,
        "t11d0212h2_1302,1301_0000,0000,0010,0010,002b,002b,000d,000d,000a,000a,000b,000b_0403"
    );
    assert_eq!(fingerprints.ja3, "771,4866-4865,0-0-16-16-43-43-13-13-10-10-11-11,29,0");
    let stream = hello.record();
    let mut scratch = Vec::new();
    let Reading::Hello(found) = read(&stream, &mut scratch) else { panic!("a hello") };
    assert_eq!(found.hello.server_name, Some(&b"first.example"[..]));
}

#[test]
fn rule_12_ciphers_0000_and_0010_stay() {
    assert_eq!(of(&Hello::new(&[0x0010, 0x1301, 0x0000])).ja4_r, "t12i030000_0000,0010,1301_");
}

#[test]
fn rule_13_an_empty_or_broken_server_name_is_still_one() {
    assert_eq!(sni_flag(&plain().server_name("")), 'd');
    for data in [&[][..], &[0], &[0, 9, 0, 0, 200, b'x'], &[255; 4], &[0, 0]] {
        assert_eq!(sni_flag(&plain().extension(SERVER_NAME, data)), 'd', "{data:?}");
    }
    assert_eq!(sni_flag(&plain().extension(0x0017, &[])), 'i');
}

#[test]
fn rule_14_an_ip_literal_is_a_server_name() {
    assert_eq!(sni_flag(&plain().server_name("192.0.2.7")), 'd');
    assert_eq!(sni_flag(&plain().server_name("2001:db8::1")), 'd');
}

#[test]
fn rule_15_grease_versions_are_ignored() {
    assert_eq!(version(&plain().versions(&[0xfafa, 0x0303, 0x0304, 0x0a0a])), "13");
    assert_eq!(version(&plain().versions(&[0x7a7a, 0x0303])), "12");
}

#[test]
fn rule_16_supported_versions_wins_over_the_legacy_field() {
    assert_eq!(version(&plain().versions(&[0x0302, 0x0301])), "11");
}

#[test]
fn rule_17_an_unknown_highest_version_is_00() {
    for highest in [0x7f12, 0x7e01, 0xfb17, 0x0305] {
        assert_eq!(version(&plain().versions(&[0x0303, highest, 0x0304])), "00", "{highest:04x}");
    }
}

#[test]
fn rule_18_supported_versions_without_a_usable_value_is_00() {
    assert_eq!(version(&plain().versions(&[])), "00");
    assert_eq!(version(&plain().versions(&[0x0a0a, 0xdada])), "00");
    assert_eq!(version(&plain().extension(VERSIONS, &[])), "00");
    assert_eq!(version(&plain().extension(VERSIONS, &[1, 3])), "00", "half a version");
    assert_eq!(version(&plain().extension(VERSIONS, &[200, 3, 4])), "13", "cut to what is there");
}

#[test]
fn rule_19_the_legacy_field_counts_without_supported_versions() {
    let expected = [
        (0x0304, "13"),
        (0x0303, "12"),
        (0x0302, "11"),
        (0x0301, "10"),
        (0x0300, "s3"),
        (0x0002, "s2"),
        (0x0305, "00"),
        (0x03ff, "00"),
    ];
    for (legacy, text) in expected {
        assert_eq!(version(&plain().legacy_version(legacy)), text, "{legacy:04x}");
        assert_eq!(of(&plain().legacy_version(legacy)).tls_version, text);
    }
}

#[test]
fn rule_20_version_0100_is_00() {
    let fingerprints = over(Transport::Dtls, &plain().legacy_version(0x0100));
    assert_eq!(fingerprints.ja4_r, "d00i020000_1301,1302_");
}

#[test]
fn rule_21_dtls_versions_count_downwards() {
    let dtls = |versions: &[u16]| over(Transport::Dtls, &plain().versions(versions)).tls_version;
    assert_eq!(dtls(&[0xfefd, 0xfefc]), "d3");
    assert_eq!(dtls(&[0xfefc]), "d3");
    assert_eq!(dtls(&[0xfeff, 0xfefd]), "d2");
    assert_eq!(dtls(&[0xfeff]), "d1");
    assert_eq!(dtls(&[0xfefd, 0x0304, 0xfeff]), "d1", "a mixed list has its numeric maximum");
    assert_eq!(over(Transport::Dtls, &plain().legacy_version(0xfeff)).tls_version, "d1");
}

#[test]
fn rule_22_a_single_alpn_character_is_doubled() {
    assert_eq!(alpn(b"h"), "hh");
    assert_eq!(alpn(b"7"), "77");
}

#[test]
fn rule_23_an_empty_first_alpn_name_is_00() {
    assert_eq!(alpn(b""), "00");
    assert_eq!(pair(&plain().alpn(&[]), 8), "00", "empty list");
    assert_eq!(pair(&plain().extension(ALPN, &[]), 8), "00", "no list");
    assert_eq!(pair(&plain().extension(ALPN, &[0, 9, 5, b'h', b'2']), 8), "00", "cut name");
    assert_eq!(pair(&plain().extension(ALPN, &[0, 9, 2, b'h', b'2']), 8), "h2", "cut list");
}

#[test]
fn rule_24_alpn_ends_that_are_not_alphanumeric_print_as_hex() {
    let expected: [(&[u8], &str); 15] = [
        (&[0xab], "ab"),
        (&[0x20], "20"),
        (&[0xab, 0xcd], "ad"),
        (&[0x20, 0x61], "21"),
        (&[0x30, 0xab], "3b"),
        (&[0x61, 0x20], "60"),
        (&[0x30, 0x31, 0xab, 0xcd], "3d"),
        (&[0x30, 0xab, 0xcd, 0x31], "01"),
        (b"h ", "60"),
        (b" h", "28"),
        (b"  ", "20"),
        (b"--", "2d"),
        (&[0xba, 0xad], "bd"),
        (&[0], "00"),
        ("h\u{e9}".as_bytes(), "69"),
    ];
    for (name, ends) in expected {
        assert_eq!(alpn(name), ends, "{name:02x?}");
    }
}

#[test]
fn rule_25_a_grease_alpn_is_bytes() {
    assert_eq!(alpn(&[0x0a, 0x0a]), "0a");
    assert_eq!(alpn(&[0x4a, 0x4a]), "JJ");
}

#[test]
fn rule_26_a_versioned_alpn_gives_its_ends() {
    assert_eq!(alpn(b"h3-29"), "h9");
    assert_eq!(alpn(b"h3-Q050"), "h0");
    assert_eq!(alpn(b"http/1.1"), "h1");
}

#[test]
fn rule_27_alpn_keeps_its_case() {
    assert_eq!(alpn(b"HQ"), "HQ");
}

#[test]
fn rule_28_no_extension_type_is_special() {
    let kinds = [0xfe0d, 0xffce, 0x0015, 0x0029, 0x0023, 0x002a, 0x4469, 0x44cd, 0xeeee, 0x1a0a];
    let hello = kinds.iter().fold(plain(), |hello, kind| hello.extension(*kind, &[]));
    assert_eq!(
        of(&hello).ja4_r,
        "t12i021000_1301,1302_0015,0023,0029,002a,1a0a,4469,44cd,eeee,fe0d,ffce"
    );
}

#[test]
fn rule_29_the_transport_decides_the_first_letter() {
    let hello = plain().extension(0x0039, &[]);
    assert_eq!(of(&hello).ja4_r, "t12i020100_1301,1302_0039");
    assert_eq!(over(Transport::Quic, &plain()).ja4_r, "q12i020000_1301,1302_");
    assert_eq!(over(Transport::Dtls, &plain()).ja4_r, "d12i020000_1301,1302_");
}

#[test]
fn rule_30_hashes_are_twelve_lower_case_hex_digits() {
    let fingerprints = of(&Hello::browser());
    for fingerprint in [&fingerprints.ja4, &fingerprints.ja4_o] {
        assert_eq!(fingerprint.len(), 36, "{fingerprint}");
        for index in [1, 2] {
            let hash = part(fingerprint, index);
            assert_eq!(hash.len(), 12);
            assert!(hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{hash}");
        }
    }
    assert_eq!(*fingerprints.ja4_hash(), fingerprints.ja4[11..]);
    assert_eq!(fingerprints.ja3_hash.len(), 32);
}

#[test]
fn rule_31_session_id_and_key_shares_play_no_part() {
    let share = |byte| [&[0, 36, 0, 29, 0, 32][..], &[byte; 32]].concat();
    let first = plain().extension(0x0033, &share(1));
    let mut second = plain().extension(0x0033, &share(2));
    second.session_id.clear();
    assert_eq!(of(&first), of(&second));
}

#[test]
fn rule_32_the_last_byte_of_an_odd_list_is_dropped() {
    let algorithms = plain().extension(SIGNATURE_ALGORITHMS, &[0, 5, 4, 3, 8, 4, 9]);
    assert_eq!(of(&algorithms).ja4_r, "t12i020100_1301,1302_000d_0403,0804");
    let ciphers = plain().cipher_bytes(&[0x13, 0x01, 0x13]).extension(0x0017, &[]);
    assert_eq!(of(&ciphers).ja4_r, "t12i010100_1301_0017");
    let groups = plain().extension(GROUPS, &[0, 3, 0, 29, 7]);
    assert_eq!(of(&groups).ja3, "771,4866-4865,10,29,");
}

/// Section 8: point formats are bytes, which no GREASE value can be.
#[test]
fn rule_ja3_fields() {
    let hello = Hello::new(&[0x0a0a]).groups(&[0x1a1a, 29]).point_formats(&[0, 10, 1]);
    assert_eq!(of(&hello).ja3, "771,,10-11,29,0-10-1");
    assert_eq!(of(&plain().versions(&[0x0304])).ja3, "771,4866-4865,43,,");
    assert_eq!(
        of(&plain().groups(&[0x2a2a]).extension(POINT_FORMATS, &[])).ja3,
        "771,4866-4865,10-11,,"
    );
}
