//! JA4 in its four forms (spec sections 3 and 4).

use sha2::{Digest, Sha256};

use super::grease::without_grease;
use super::text::{hex_digit, into_string, push_hex, push_hex_list};
use super::{Codes, Transport};
use crate::hello::ClientHello;

const SERVER_NAME: u16 = 0x0000;
const ALPN: u16 = 0x0010;

/// What stands for the hash of nothing.
const NO_HASH: &[u8; 12] = b"000000000000";

/// One order of the lists: hashed, and as they are.
pub(super) struct Form {
    pub(super) hashed: String,
    pub(super) raw: String,
}

/// The sorted form (JA4 and JA4_r) and the form in wire order (JA4_o and JA4_ro).
pub(super) fn forms(hello: &ClientHello<'_>, codes: Codes, transport: Transport) -> (Form, Form) {
    let Codes { mut ciphers, mut extensions, signature_algorithms, .. } = codes;
    let head = head(hello, transport, ciphers.len(), extensions.len());

    let wire = form(&head, &ciphers, &extensions, &signature_algorithms);
    ciphers.sort_unstable();
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    extensions.sort_unstable();
    let sorted = form(&head, &ciphers, &extensions, &signature_algorithms);
    (sorted, wire)
}

/// The version as JA4 prints it: the newest of `supported_versions` when that extension is there,
/// else `legacy_version`; never a mix of both (spec rules 15 to 20).
pub(super) fn version(hello: &ClientHello<'_>, transport: Transport) -> &'static str {
    let version = match hello.supported_versions {
        Some(list) => newest(without_grease(list.iter()), transport),
        None => Some(hello.legacy_version),
    };
    match version {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        Some(0xfeff) => "d1",
        Some(0xfefd) => "d2",
        Some(0xfefc) => "d3",
        _ => "00",
    }
}

/// The numeric maximum; among DTLS versions, which count downwards, the minimum (spec rule 21).
fn newest(versions: impl Iterator<Item = u16> + Clone, transport: Transport) -> Option<u16> {
    if transport == Transport::Dtls && versions.clone().all(|version| version >= 0xfe00) {
        versions.min()
    } else {
        versions.max()
    }
}

/// Length of part a.
const HEAD: usize = 10;

/// Part a: ten characters.
fn head(
    hello: &ClientHello<'_>,
    transport: Transport,
    ciphers: usize,
    extensions: usize,
) -> [u8; HEAD] {
    let letter = transport.letter() as u8;
    let [v0, v1] = *version(hello, transport).as_bytes().first_chunk().unwrap_or(b"00");
    let has_name = if hello.has_server_name_extension { b'd' } else { b'i' };
    let ([c0, c1], [e0, e1]) = (two_digits(ciphers), two_digits(extensions));
    let [a0, a1] = alpn_ends(hello.alpn().next().unwrap_or_default());
    [letter, v0, v1, has_name, c0, c1, e0, e1, a0, a1]
}

/// A count as two digits, at most 99 (spec rule 10).
fn two_digits(count: usize) -> [u8; 2] {
    let count = u8::try_from(count).map_or(99, |count| count.min(99));
    [b'0' + count / 10, b'0' + count % 10]
}

/// First and last character of the first ALPN name; of its hex when either is not alphanumeric
/// (spec rules 22 to 27).
fn alpn_ends(name: &[u8]) -> [u8; 2] {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return *b"00" };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [*first, *last]
    } else {
        [hex_digit(first >> 4), hex_digit(*last)]
    }
}

fn form(head: &[u8; HEAD], ciphers: &[u16], extensions: &[u16], algorithms: &[u16]) -> Form {
    let values = ciphers.len() + extensions.len() + algorithms.len();
    let mut raw = Vec::with_capacity(HEAD + 3 + 5 * values);
    raw.extend_from_slice(head);
    raw.push(b'_');
    let b = raw.len();
    push_hex_list(&mut raw, ciphers);
    raw.push(b'_');
    let c = raw.len();
    push_hex_list(&mut raw, extensions);
    if !algorithms.is_empty() {
        raw.push(b'_');
        push_hex_list(&mut raw, algorithms);
    }

    let mut hashed = Vec::with_capacity(36);
    hashed.extend_from_slice(head);
    for part in [raw.get(b..c - 1), raw.get(c..)] {
        hashed.push(b'_');
        push_hash(&mut hashed, part.unwrap_or_default());
    }
    Form { hashed: into_string(hashed), raw: into_string(raw) }
}

/// The first twelve hex digits of the SHA-256 of `part`, or zeros when it is empty.
fn push_hash(text: &mut Vec<u8>, part: &[u8]) {
    if part.is_empty() {
        text.extend_from_slice(NO_HASH);
    } else {
        push_hex(text, Sha256::digest(part).first_chunk::<6>().unwrap_or(&[0; 6]));
    }
}
