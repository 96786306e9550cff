//! TLS records (RFC 8446 section 5.1): headers judged on as few bytes as possible, and the
//! handshake payload that is spread over them.

use tls_parser::{TlsRecordHeader, TlsRecordType, parse_tls_record_header};

/// Longest record payload that is taken: 2^14 bytes of plaintext and the 2,048 that RFC 5246
/// section 6.2.3 adds for ciphertext (spec 6.3).
pub const MAX_RECORD: u16 = (1 << 14) + 2048;

/// Length of a record header in bytes.
const HEADER: usize = 5;

/// What stands where a handshake record should begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// Nothing speaks against one, but it is not complete.
    NeedMore,
    /// A handshake record with a payload of this many bytes, perhaps none.
    Handshake(usize),
    /// A record of another content type, or no record at all: holds the first byte.
    OtherType(TlsRecordType),
    /// A handshake record of another major version; the minor one is free (spec 6.4).
    OtherVersion,
    /// A handshake record above [`MAX_RECORD`].
    TooLong,
}

/// Judges the bytes at the start of a record.
fn header(bytes: &[u8]) -> Header {
    match *bytes {
        [kind, ..] if TlsRecordType(kind) != TlsRecordType::Handshake => {
            return Header::OtherType(TlsRecordType(kind));
        }
        [_, major, ..] if major != 3 => return Header::OtherVersion,
        _ => {}
    }
    match parse_tls_record_header(bytes) {
        Ok((_, TlsRecordHeader { len, .. })) if len > MAX_RECORD => Header::TooLong,
        Ok((_, TlsRecordHeader { len, .. })) => Header::Handshake(usize::from(len)),
        Err(_) => Header::NeedMore,
    }
}

/// Length of the change_cipher_spec and alert records at the start of `stream`; `None` when the
/// last one is not complete. Longer ones are encrypted and end the search.
pub(super) fn interlude(stream: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = stream.get(at..)?;
        let len = match rest.first().map(|kind| TlsRecordType(*kind)) {
            Some(TlsRecordType::ChangeCipherSpec) => 1,
            Some(TlsRecordType::Alert) => 2,
            _ => return Some(at),
        };
        let (_, header) = parse_tls_record_header(rest).ok()?;
        if header.len != len {
            return Some(at);
        }
        at += HEADER + usize::from(len);
    }
}

/// Bytes of a handshake record, as far as they are there.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    /// Never empty.
    pub(super) bytes: &'a [u8],
    /// Offset in the stream just behind `bytes`.
    pub(super) end: usize,
    /// Bytes of the record that are still to come behind `end`.
    pub(super) open: usize,
}

/// Walks the handshake records of a stream: one step a record, nothing copied.
///
/// Empty records are passed over. RFC 8446 section 5.1 forbids them, and OpenSSL accepts 32 in a
/// row: a hello behind one reaches the server.
#[derive(Debug, Clone)]
pub(super) struct Payloads<'a> {
    stream: &'a [u8],
    at: usize,
    open: usize,
    empty: u32,
}

impl<'a> Payloads<'a> {
    /// The payloads of `stream`, whose first `open` bytes continue a record.
    pub(super) fn new(stream: &'a [u8], open: usize) -> Self {
        Self { stream, at: 0, open, empty: 0 }
    }

    /// Empty records so far.
    pub(super) fn empty(&self) -> u32 {
        self.empty
    }

    /// The next payload, or what stands in its place.
    pub(super) fn next(&mut self) -> Result<Payload<'a>, Header> {
        let mut rest = self.stream.get(self.at..).unwrap_or_default();
        while self.open == 0 {
            match header(rest) {
                Header::Handshake(len) => self.open = len,
                other => return Err(other),
            }
            self.empty += u32::from(self.open == 0);
            self.at += HEADER;
            rest = rest.get(HEADER..).unwrap_or_default();
        }
        let bytes = rest.get(..self.open).unwrap_or(rest);
        if bytes.is_empty() {
            return Err(Header::NeedMore);
        }
        self.at += bytes.len();
        self.open -= bytes.len();
        Ok(Payload { bytes, end: self.at, open: self.open })
    }
}
