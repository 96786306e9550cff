//! Reading a ClientHello out of contiguous bytes: when it is decided, what is refused and why,
//! and what may follow.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test ends where it goes wrong")]

use ja4sentinel::hello::{
    ClientHello, FoundHello, MAX_BODY, MAX_RECORD, Malformed, NotTls, Reading, read, read_next,
};
use ja4sentinel_tests::hellos::{Hello, message, record, records, vector16};

/// What of an answer does not borrow.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    NeedMore,
    NotTls(NotTls),
    Malformed(Malformed),
    /// `message_len`, `end`, `open`, `tls_records`.
    Hello(usize, usize, usize, u32),
}

fn answer(reading: &Reading<'_>) -> Answer {
    match reading {
        Reading::NeedMore => Answer::NeedMore,
        Reading::NotTls(cause) => Answer::NotTls(*cause),
        Reading::Malformed(cause) => Answer::Malformed(*cause),
        Reading::Hello(FoundHello { message_len, end, open, tls_records, .. }) => {
            Answer::Hello(*message_len, *end, *open, *tls_records)
        }
    }
}

fn first(stream: &[u8]) -> Answer {
    answer(&read(stream, &mut Vec::new()))
}

fn next(stream: &[u8], open: usize) -> Answer {
    answer(&read_next(stream, open, &mut Vec::new()))
}

/// Asserts that `stream` is refused for this cause by its byte number `decided`, not before, and
/// whatever follows.
#[track_caller]
fn refused_at(decided: usize, stream: &[u8], cause: NotTls) {
    for len in 0..=stream.len() {
        let expected = if len < decided { Answer::NeedMore } else { Answer::NotTls(cause) };
        assert_eq!(first(&stream[..len]), expected, "{len} bytes of {stream:02x?}");
    }
}

#[test]
fn every_beginning_of_a_hello_needs_more_in_every_split() {
    for sizes in [&[][..], &[1], &[3, 1, 7], &[100], &[4, 1]] {
        let hello = Hello::browser();
        let stream = hello.records(sizes);
        for len in 0..stream.len() {
            assert_eq!(first(&stream[..len]), Answer::NeedMore, "{len} bytes, records {sizes:?}");
        }
        let Answer::Hello(len, end, 0, _) = first(&stream) else { panic!("records {sizes:?}") };
        assert_eq!((len, end), (hello.message().len(), stream.len()));
    }
}

#[test]
fn a_hello_over_many_records_is_the_one_in_a_single_record() {
    let hello = Hello::browser();
    let whole = hello.record();
    let mut unused = Vec::new();
    let Reading::Hello(expected) = read(&whole, &mut unused) else { panic!("a hello") };
    assert_eq!(expected.tls_records, 1);
    let ends: Vec<&[u8]> = expected.hello.alpn().collect();
    assert_eq!(ends, [&b"h2"[..], b"http/1.1"]);
    for sizes in [&[1][..], &[2, 5], &[60]] {
        let stream = hello.records(sizes);
        let mut scratch = vec![0xee; 10];
        let Reading::Hello(found) = read(&stream, &mut scratch) else { panic!("{sizes:?}") };
        assert_eq!(found.hello, expected.hello, "{sizes:?}");
        assert!(found.tls_records > 1);
    }
    assert_eq!(unused, Vec::<u8>::new(), "a hello in one record is borrowed, not copied");
}

#[test]
fn what_cannot_be_a_hello_is_refused_by_its_first_telling_byte() {
    refused_at(1, b"GET / HTTP/1.1\r\n", NotTls::PlainText);
    refused_at(1, b"\r\n", NotTls::PlainText);
    refused_at(1, &[21, 3, 1, 0, 2, 2, 40], NotTls::Alert);
    refused_at(1, &[20, 3, 1, 0, 1, 1], NotTls::LaterRecord);
    refused_at(1, &[23, 3, 3, 0, 9], NotTls::LaterRecord);
    refused_at(1, &[0, 0, 0, 8], NotTls::UnknownProtocol);
    refused_at(2, &[22, 2, 0], NotTls::RecordVersion);
    refused_at(5, &[22, 3, 1, 0x48, 1, 1], NotTls::RecordTooLong);
    refused_at(6, &record(22, &message(2, &[0; 40])), NotTls::OtherHandshake);
    refused_at(6, &record(22, &message(0, &[])), NotTls::OtherHandshake);
}

#[test]
fn an_sslv2_hello_is_called_by_its_name() {
    refused_at(4, &[0x80, 46, 1, 3, 1, 0, 21], NotTls::Sslv2Hello);
    refused_at(5, &[0x80, 46, 1, 0, 2, 0, 21], NotTls::Sslv2Hello);
    refused_at(3, &[0x80, 46, 4, 0, 2], NotTls::UnknownProtocol);
    refused_at(4, &[0xff, 46, 1, 7], NotTls::UnknownProtocol);
    refused_at(5, &[0x80, 46, 1, 0, 3], NotTls::UnknownProtocol);
}

#[test]
fn any_minor_version_of_the_record_is_taken() {
    for minor in [0, 1, 2, 3, 4, 5, 255] {
        let mut stream = Hello::browser().record();
        stream[2] = minor;
        assert!(matches!(first(&stream), Answer::Hello(..)), "minor {minor}");
    }
}

/// As OpenSSL does.
#[test]
fn empty_records_are_passed_over_and_counted() {
    let message = Hello::browser().message();
    let empty = record(22, &[]);
    let stream = [&empty, &record(22, &message[..1]), &empty, &empty, &record(22, &message[1..])];
    let stream = stream.map(Vec::as_slice).concat();
    for len in 0..stream.len() {
        assert_eq!(first(&stream[..len]), Answer::NeedMore, "{len} bytes");
    }
    let mut scratch = Vec::new();
    let Reading::Hello(found) = read(&stream, &mut scratch) else { panic!("a hello") };
    assert_eq!((found.tls_records, found.empty_records), (2, 3));
    assert_eq!(found.end, stream.len());
}

#[test]
fn the_longest_record_is_taken() {
    let mut hello = Hello::browser();
    let missing = usize::from(MAX_RECORD) - hello.message().len();
    hello.trailing = vec![0; missing];
    let stream = record(22, &hello.message());
    assert_eq!(
        first(&stream),
        Answer::Hello(usize::from(MAX_RECORD), stream.len(), 0, 1),
        "more than TLS allows, as much as is tolerated"
    );
}

#[test]
fn the_longest_hello_is_taken_and_a_longer_one_is_refused_by_its_header() {
    let mut hello = Hello::browser();
    hello.trailing = vec![0; MAX_BODY - hello.body().len()];
    let stream = hello.record();
    assert_eq!(first(&stream), Answer::Hello(4 + MAX_BODY, stream.len(), 0, 5));
    hello.trailing.push(0);
    let stream = hello.record();
    let refusal = Answer::Malformed(Malformed::HugeDeclaredLength);
    assert_eq!(first(&stream[..8]), Answer::NeedMore);
    assert_eq!(first(&stream[..9]), refusal);
    assert_eq!(first(&stream), refusal);
}

#[test]
fn what_stands_between_the_records_of_a_hello_breaks_it() {
    let message = Hello::browser().message();
    let (head, tail) = message.split_at(40);
    let head = record(22, head);
    let with = |middle: &[u8]| [&head, middle, &record(22, tail)].concat();
    let interrupted = Answer::Malformed(Malformed::Interrupted);
    assert_eq!(first(&with(&record(20, &[1]))), interrupted);
    assert_eq!(first(&with(&record(21, &[1, 0]))), interrupted);
    assert_eq!(first(&with(&[22, 9])), interrupted);
    assert_eq!(first(&with(b"GET /")), interrupted);
    let long = Answer::Malformed(Malformed::LongContinuation);
    assert_eq!(first(&with(&[22, 3, 1, 0xff, 0xff])), long);
}

/// The message with this body, in one record.
fn with_body(body: &[u8]) -> Vec<u8> {
    record(22, &message(1, body))
}

#[test]
fn a_body_that_ends_early_is_malformed() {
    let hello = Hello::new(&[0x1301]);
    let body = hello.body();
    for len in 0..body.len() {
        let cut = with_body(&body[..len]);
        assert_eq!(first(&cut), Answer::Malformed(Malformed::BodyShort), "{len} bytes");
    }
    assert!(matches!(first(&with_body(&body)), Answer::Hello(..)));
    // The same with an odd cipher list, which tls-parser leaves to us.
    let body = hello.cipher_bytes(&[0x13, 1, 7]).body();
    for len in 0..body.len() {
        let cut = with_body(&body[..len]);
        assert_eq!(first(&cut), Answer::Malformed(Malformed::BodyShort), "{len} bytes, odd");
    }
    assert!(matches!(first(&with_body(&body)), Answer::Hello(..)));
}

#[test]
fn a_long_session_identifier_is_malformed() {
    let mut hello = Hello::browser();
    hello.session_id = vec![7; 33];
    assert_eq!(first(&hello.record()), Answer::Malformed(Malformed::LongSessionId));
}

#[test]
fn an_extension_block_or_extension_that_declares_too_much_is_malformed() {
    for ciphers in [&[0x13, 1][..], &[0x13, 1, 7]] {
        let bare = Hello::new(&[]).cipher_bytes(ciphers);
        let with_block = |block: &[u8]| [bare.body(), block.to_vec()].concat();
        let short = Answer::Malformed(Malformed::ExtensionBlockShort);
        assert_eq!(first(&with_body(&with_block(&[0, 5, 0, 23, 0, 0]))), short);
        assert_eq!(first(&with_body(&with_block(&[0, 1]))), short);
        let truncated = Answer::Malformed(Malformed::ExtensionTruncated);
        assert_eq!(first(&with_body(&with_block(&vector16(&[0, 23, 0, 1])))), truncated);
        let second = vector16(&[0, 23, 0, 0, 0, 35, 0, 9, 1, 2]);
        assert_eq!(first(&with_body(&with_block(&second))), truncated);
    }
}

#[test]
fn unknown_bytes_behind_the_last_field_are_passed_over() {
    let hello = |trailing: &[u8]| {
        let body = [Hello::new(&[0x1301]).body(), trailing.to_vec()].concat();
        let stream = with_body(&body);
        let mut scratch = Vec::new();
        let Reading::Hello(found) = read(&stream, &mut scratch) else { panic!("{trailing:?}") };
        found.hello.extensions.iter().map(|extension| extension.kind).collect::<Vec<u16>>()
    };
    assert_eq!(hello(&[]), [0; 0]);
    assert_eq!(hello(&[9]), [0; 0], "half a block length");
    assert_eq!(hello(&[0, 4, 0, 23, 0, 0, 1, 2, 3]), [23], "bytes behind the block");
    assert_eq!(hello(&[0, 7, 0, 23, 0, 0, 1, 2, 3]), [23], "too few bytes for an extension");
}

/// A first hello and what follows; gives the bytes behind it and how many belong to its record.
fn behind_the_first(stream: &[u8]) -> (&[u8], usize) {
    match first(stream) {
        Answer::Hello(_, end, open, _) => (&stream[end..], open),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_hello_is_found_behind_change_cipher_spec_and_alerts() {
    let hello = Hello::browser();
    let second = hello.records(&[70]);
    for middle in [
        &[][..],
        &record(20, &[1]),
        &record(21, &[1, 0]),
        &[record(20, &[1]), record(20, &[1])].concat(),
    ] {
        let stream = [&hello.record(), middle, &second].concat();
        let (rest, open) = behind_the_first(&stream);
        assert_eq!(open, 0);
        for len in 0..rest.len() {
            assert_eq!(next(&rest[..len], 0), Answer::NeedMore, "{len} bytes");
        }
        let Answer::Hello(_, end, 0, _) = next(rest, 0) else { panic!("{:?}", next(rest, 0)) };
        assert_eq!(end, rest.len());
    }
}

#[test]
fn a_second_hello_may_begin_in_the_record_of_the_first() {
    let hello = Hello::browser();
    let both = [hello.message(), hello.message()].concat();
    let (one, len) = (record(22, &both), hello.message().len());
    // The first is complete before its record is.
    assert_eq!(first(&one[..5 + len]), Answer::Hello(len, 5 + len, len, 1));
    let (rest, open) = behind_the_first(&one);
    assert_eq!(next(rest, open), Answer::Hello(len, len, 0, 1));
    assert_eq!(next(&rest[..len - 1], open), Answer::NeedMore);
    // And the second may go on in further records.
    let split = records(&both, &[len + 10, 50]);
    let (rest, open) = behind_the_first(&split);
    assert_eq!(open, 10);
    assert!(matches!(next(rest, open), Answer::Hello(_, end, 0, _) if end == rest.len()));
}

#[test]
fn other_bytes_behind_the_first_hello_are_no_hello() {
    let cases = [
        (record(23, &[0; 30]), NotTls::LaterRecord),
        (record(22, &message(16, &[0; 30])), NotTls::OtherHandshake),
        // Encrypted: an alert, and a Finished that happens to begin like a ClientHello.
        (record(21, &[7; 26]), NotTls::Alert),
        (
            [record(20, &[1]), record(22, &[1, 0, 0, 90, 0xd7, 1, 2])].concat(),
            NotTls::OtherHandshake,
        ),
        ([record(20, &[1]), record(22, &[1, 1, 0, 90, 3, 1, 2])].concat(), NotTls::OtherHandshake),
    ];
    for (rest, cause) in cases {
        assert_eq!(next(&rest, 0), Answer::NotTls(cause), "{rest:02x?}");
    }
}

#[test]
fn an_empty_hello_is_the_default_one() {
    let hello = ClientHello::default();
    assert_eq!(hello.ciphers.iter().count() + hello.extensions.iter().count(), 0);
    assert_eq!(hello.alpn().next(), None);
}

#[test]
fn every_cause_has_its_own_label() {
    let mut labels: Vec<&str> = NotTls::ALL.map(NotTls::label).to_vec();
    labels.extend(Malformed::ALL.map(Malformed::label));
    labels.sort_unstable();
    let count = labels.len();
    labels.dedup();
    assert_eq!(labels.len(), count);
}
