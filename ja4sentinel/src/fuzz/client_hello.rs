//! The bytes of a client's stream.

use super::choices;
use crate::fingerprint::{Fingerprints, Transport};
use crate::hello::{Reading, preamble, read};

/// Reads a ClientHello. What is said of a beginning of the stream stays true whatever follows;
/// fingerprints keep their form; the same hello in other TLS records is the same hello.
pub fn client_hello(data: &[u8]) {
    let ([cut, size], stream) = choices(data);
    let mut scratch = Vec::new();
    let reading = read(stream, &mut scratch);

    let beginning = stream.len() * usize::from(cut) / 256;
    let (mut early_scratch, start) = (Vec::new(), stream.get(..beginning).unwrap_or_default());
    let early = read(start, &mut early_scratch);
    assert!(stays(&early, &reading), "{early:?} of a beginning became {reading:?}");
    let (early, late) = (preamble::skip(start), preamble::skip(stream));
    assert!(matches!(early, preamble::Preamble::NeedMore) || early == late);

    let Reading::Hello(found) = reading else { return };
    assert!(found.end <= stream.len());
    let fingerprints = Fingerprints::of(&found.hello, Transport::Tcp);
    assert_eq!(fingerprints.ja4.len(), 36, "{}", fingerprints.ja4);
    assert_eq!(fingerprints.ja4_o.len(), 36);
    assert!(fingerprints.ja4.is_ascii());
    assert_eq!(fingerprints.ja3.matches(',').count(), 4);
    assert_eq!(fingerprints.ja3_hash.len(), 32);

    let again = recut(stream, found.end, usize::from(size) + 1);
    match read(&again, &mut Vec::new()) {
        Reading::Hello(other) => {
            assert_eq!(fingerprints, Fingerprints::of(&other.hello, Transport::Tcp));
            assert_eq!(found.message_len, other.message_len);
        }
        other => panic!("in records of {} bytes: {other:?}", usize::from(size) + 1),
    }
}

/// Whether the reading of a beginning agrees with that of the whole.
fn stays(early: &Reading<'_>, late: &Reading<'_>) -> bool {
    match (early, late) {
        (Reading::NeedMore, _) => true,
        (Reading::Hello(a), Reading::Hello(b)) => a.hello == b.hello && a.end == b.end,
        (a, b) => a == b,
    }
}

/// The handshake bytes of the first `end` bytes of a stream in records of `size` bytes.
fn recut(stream: &[u8], end: usize, size: usize) -> Vec<u8> {
    let mut rest = stream.get(..end).unwrap_or_default();
    let mut message = Vec::new();
    while let Some((header, behind)) = rest.split_first_chunk::<5>() {
        let [_, _, _, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low])).min(behind.len());
        let (body, next) = behind.split_at(length);
        message.extend_from_slice(body);
        rest = next;
    }
    let mut cut = Vec::new();
    for piece in message.chunks(size) {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        cut.extend_from_slice(&[22, 3, 1]);
        cut.extend_from_slice(&length.to_be_bytes());
        cut.extend_from_slice(piece);
    }
    cut
}
