//! JA4 in its four forms (spec sections 3 and 4).

use sha2::{Digest, Sha256};

use super::ciphers::Part;
use super::grease::without_grease;
use super::text::{ascii, emptied, hex_digit, hex_digits, into_string, push_hex_list};
use super::{Ja4, Transport, order};
use crate::hello::ClientHello;

const SERVER_NAME: u16 = 0x0000;
const ALPN: u16 = 0x0010;

/// The first twelve hex digits of a SHA-256, or zeros; ASCII.
pub(super) type Hash = [u8; 12];

/// What stands for the hash of nothing.
const NO_HASH: Hash = *b"000000000000";

/// The hash of a part, or zeros when it is empty.
pub(super) fn hash(part: &[u8]) -> Hash {
    if part.is_empty() {
        return NO_HASH;
    }
    hex_digits(Sha256::digest(part).first_chunk::<6>().unwrap_or(&[0; 6]))
}

/// Puts extensions into the order of JA4 and JA4_r, which list neither server name nor ALPN.
pub(super) fn sort(extensions: &mut Vec<u16>) {
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    order::sort(extensions);
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

/// Part a, ASCII.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head([u8; 10]);

impl Head {
    /// Of a hello with that version and so many cipher suites and extensions, GREASE left out.
    pub(super) fn of(
        hello: &ClientHello<'_>,
        transport: Transport,
        version: &str,
        ciphers: usize,
        extensions: usize,
    ) -> Self {
        let letter = transport.letter() as u8;
        let [v0, v1] = *version.as_bytes().first_chunk().unwrap_or(b"00");
        let has_name = if hello.has_server_name_extension { b'd' } else { b'i' };
        let ([c0, c1], [e0, e1]) = (two_digits(ciphers), two_digits(extensions));
        let [a0, a1] = alpn_ends(hello.alpn().next().unwrap_or_default());
        Self([letter, v0, v1, has_name, c0, c1, e0, e1, a0, a1])
    }

    /// Its characters.
    pub(super) fn as_bytes(&self) -> &[u8; 10] {
        &self.0
    }

    /// Joins it with parts b and c: as they are in `raw`, over what is there, and hashed. Part c is
    /// the list of extensions, and the text of the signature algorithms behind it when there are any.
    pub(super) fn join(
        &self,
        ciphers: &Part,
        extensions: impl ExactSizeIterator<Item = u16>,
        algorithms: &[u8],
        raw: &mut String,
    ) -> Ja4 {
        let Self(head) = self;
        let begin = head.len() + 1 + ciphers.text.len() + 1;
        let mut text = emptied(raw, begin + 5 * extensions.len() + 1 + algorithms.len());
        text.extend_from_slice(head);
        text.push(b'_');
        text.extend_from_slice(&ciphers.text);
        text.push(b'_');
        push_hex_list(&mut text, extensions);
        if !algorithms.is_empty() {
            text.push(b'_');
            text.extend_from_slice(algorithms);
        }

        let c = hash(text.get(begin..).unwrap_or_default());
        *raw = into_string(text);
        let mut hashed = [b'_'; 36];
        put(&mut hashed, 0, head);
        put(&mut hashed, 11, &ciphers.hash);
        put(&mut hashed, 24, &c);
        ascii(&hashed)
    }
}

/// Writes a part over what stands at that place.
fn put<const LEN: usize>(text: &mut [u8; 36], at: usize, part: &[u8; LEN]) {
    if let Some(place) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = *part;
    }
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
