//! Contiguous bytes to a ClientHello.

use super::message::{self, NoMessage, Place};
use super::{ClientHello, Malformed, NotTls, body, records};

/// What the bytes so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<'a> {
    /// A ClientHello may come, but is not complete.
    NeedMore,
    /// The bytes cannot become a ClientHello.
    NotTls(NotTls),
    /// It is a ClientHello, and it breaks its own structure.
    Malformed(Malformed),
    /// A complete ClientHello.
    Hello(FoundHello<'a>),
}

/// A complete ClientHello and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHello<'a> {
    /// The hello.
    pub hello: ClientHello<'a>,
    /// Length of the handshake message in bytes, its 4-byte header included.
    pub message_len: usize,
    /// Offset in the stream just behind the hello's last byte, never beyond the stream.
    pub end: usize,
    /// Bytes from `end` on that still belong to the record in which the hello ends, whether they
    /// have arrived or not: a further message may begin there.
    pub open: usize,
    /// How many TLS records the hello was spread over.
    pub tls_records: u32,
    /// How many empty TLS records stood before and between these; no honest client sends any.
    pub empty_records: u32,
}

/// Reads a ClientHello from the start of `stream`. `scratch` holds the joined message when the
/// hello is spread over several records; the result borrows from either.
///
/// The answer depends on the bytes alone: what is `NeedMore` for a stream is `NeedMore` for each
/// of its beginnings, and any other answer stays the same whatever follows.
pub fn read<'a>(stream: &'a [u8], scratch: &'a mut Vec<u8>) -> Reading<'a> {
    read_at(stream, 0, Place::First, scratch)
}

/// Reads a further ClientHello of the same connection, after a HelloRetryRequest.
///
/// `stream` begins just behind the hello before, and its first `open` bytes belong to the record
/// in which that one ended ([`FoundHello::end`] and [`FoundHello::open`]). Records of
/// change_cipher_spec (RFC 8446 appendix D.4) and alerts are passed over. Application data ends the search:
/// early data cannot be told from the traffic of a finished handshake.
pub fn read_next<'a>(stream: &'a [u8], open: usize, scratch: &'a mut Vec<u8>) -> Reading<'a> {
    let skipped = if open == 0 { records::interlude(stream) } else { Some(0) };
    let Some(skipped) = skipped else { return Reading::NeedMore };
    let rest = stream.get(skipped..).unwrap_or_default();
    match read_at(rest, open, Place::Later, scratch) {
        Reading::Hello(found) => Reading::Hello(FoundHello { end: skipped + found.end, ..found }),
        other => other,
    }
}

/// Whether a further ClientHello may have begun in `stream`, which is as in [`read_next`]: whether
/// anything came but change_cipher_spec records and alerts.
#[must_use]
pub fn next_begun(stream: &[u8], open: usize) -> bool {
    if open > 0 {
        return !stream.is_empty();
    }
    records::interlude(stream).is_some_and(|skipped| skipped < stream.len())
}

/// How many more bytes it takes at least until [`read`], or [`read_next`] with `open` bytes, finds
/// a complete hello where it has found that it needs more. Whoever collects a stream byte by byte
/// need not read all of it anew with each; a broken hello then shows a little later.
#[must_use]
pub fn lacking(stream: &[u8], open: usize) -> usize {
    let skipped = if open == 0 { records::interlude(stream) } else { Some(0) };
    let rest = skipped.and_then(|skipped| stream.get(skipped..));
    rest.map_or(1, |rest| message::lacking(rest, open))
}

fn read_at<'a>(
    stream: &'a [u8],
    open: usize,
    place: Place,
    scratch: &'a mut Vec<u8>,
) -> Reading<'a> {
    let message = match message::client_hello(stream, open, place, scratch) {
        Ok(message) => message,
        Err(NoMessage::NeedMore) => return Reading::NeedMore,
        Err(NoMessage::NotTls(cause)) => return Reading::NotTls(cause),
        Err(NoMessage::Malformed(cause)) => return Reading::Malformed(cause),
    };
    match body::read(message.body) {
        Ok(hello) => Reading::Hello(FoundHello {
            hello,
            message_len: message::HEADER + message.body.len(),
            end: message.end,
            open: message.open,
            tls_records: message.records,
            empty_records: message.empty_records,
        }),
        Err(cause) => Reading::Malformed(cause),
    }
}
