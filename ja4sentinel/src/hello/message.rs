//! One ClientHello message out of any number of TLS records.

use arrayvec::ArrayVec;
use tls_parser::TlsHandshakeType;

use super::records::{Header, Payload, Payloads};
use super::{Malformed, NotTls};

/// Longest ClientHello body that is taken, in bytes. The protocol allows 16 MiB; hellos in the
/// wild stay below 20 KiB.
pub const MAX_BODY: usize = 64 * 1024;

/// Length of a handshake message header in bytes: type and 24-bit length.
pub(super) const HEADER: usize = 4;

/// A complete message and where it was.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// The message without its header.
    pub(super) body: &'a [u8],
    /// Offset in the stream just behind its last byte.
    pub(super) end: usize,
    /// Bytes from `end` on that still belong to its last record.
    pub(super) open: usize,
    /// Records that hold bytes of it.
    pub(super) records: u32,
    /// Empty records before and between these.
    pub(super) empty_records: u32,
}

/// Why there is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoMessage {
    /// It is not complete.
    NeedMore,
    /// What begins here is none.
    NotTls(NotTls),
    /// It is broken.
    Malformed(Malformed),
}

/// Which message of the connection is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The first: whatever has the type of a ClientHello.
    First,
    /// A later one. Behind a change_cipher_spec the bytes may be encrypted and so random: they have
    /// to look more like a ClientHello to be taken for one.
    Later,
}

/// The ClientHello at the start of `stream`, whose first `open` bytes continue a record. It is
/// joined in `scratch` when it is spread over records; until it is complete nothing is copied.
pub(super) fn client_hello<'a>(
    stream: &'a [u8],
    open: usize,
    place: Place,
    scratch: &'a mut Vec<u8>,
) -> Result<Message<'a>, NoMessage> {
    let mut payloads = Payloads::new(stream, open);
    let mut head = [0; HEADER + 1];
    let mut have = 0;
    let mut records = 0;
    loop {
        let payload = match payloads.next() {
            Ok(payload) => payload,
            Err(fault) if records == 0 => return Err(no_hello(fault, stream)),
            Err(fault) => return Err(broken_off(fault)),
        };
        for (slot, byte) in head.iter_mut().skip(have).zip(payload.bytes) {
            *slot = *byte;
        }
        have += payload.bytes.len();
        records += 1;
        let Some(len) = length(head.get(..have).unwrap_or(&head), place)? else { continue };
        let Some(excess) = have.checked_sub(len) else { continue };
        let message = match payload.bytes.get(..len) {
            Some(bytes) if records == 1 => bytes,
            _ => join(Payloads::new(stream, open), len, scratch),
        };
        let body = message.get(HEADER..).unwrap_or_default();
        let Payload { end, open, .. } = payload;
        let (end, open) = (end - excess, open + excess);
        return Ok(Message { body, end, open, records, empty_records: payloads.empty() });
    }
}

/// How many bytes `stream` lacks at least before its ClientHello can be complete: those that the
/// message header announces, without the records around them; one as long as that is not there.
pub(super) fn lacking(stream: &[u8], open: usize) -> usize {
    let mut payloads = Payloads::new(stream, open);
    let mut head = ArrayVec::<u8, HEADER>::new();
    let mut have = 0;
    while let Ok(payload) = payloads.next() {
        have += payload.bytes.len();
        let wanted = head.remaining_capacity();
        head.extend(payload.bytes.iter().copied().take(wanted));
    }
    match *head {
        [_, high, middle, low] => {
            let len = u32::from_be_bytes([0, high, middle, low]) as usize;
            (HEADER + len).saturating_sub(have).max(1)
        }
        _ => 1,
    }
}

/// Length of the message in bytes, its header included, as soon as `head` (up to five bytes) says.
fn length(head: &[u8], place: Place) -> Result<Option<usize>, NoMessage> {
    match (head, place) {
        ([kind, ..], _) if TlsHandshakeType(*kind) != TlsHandshakeType::ClientHello => {
            Err(NoMessage::NotTls(NotTls::OtherHandshake))
        }
        ([_, high, ..], Place::Later) if *high != 0 => {
            Err(NoMessage::NotTls(NotTls::OtherHandshake))
        }
        ([_, _, _, _, major, ..], Place::Later) if *major != 3 => {
            Err(NoMessage::NotTls(NotTls::OtherHandshake))
        }
        ([_, high, middle, low, ..], _) => {
            match usize::try_from(u32::from_be_bytes([0, *high, *middle, *low])) {
                Ok(len) if len <= MAX_BODY => Ok(Some(HEADER + len)),
                _ => Err(NoMessage::Malformed(Malformed::HugeDeclaredLength)),
            }
        }
        _ => Ok(None),
    }
}

/// The first `len` bytes of `payloads`, joined.
fn join<'a>(mut payloads: Payloads<'_>, len: usize, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    scratch.reserve(len);
    while let Some(missing) = len.checked_sub(scratch.len()).filter(|missing| *missing > 0)
        && let Ok(payload) = payloads.next()
    {
        scratch.extend_from_slice(payload.bytes.get(..missing).unwrap_or(payload.bytes));
    }
    scratch
}

/// What a stream is that does not begin with a handshake record.
fn no_hello(fault: Header, stream: &[u8]) -> NoMessage {
    use tls_parser::TlsRecordType as Type;
    let cause = match fault {
        Header::NeedMore | Header::Handshake(_) => return NoMessage::NeedMore,
        Header::OtherVersion => NotTls::RecordVersion,
        Header::TooLong => NotTls::RecordTooLong,
        Header::OtherType(Type::Alert) => NotTls::Alert,
        Header::OtherType(Type::ChangeCipherSpec | Type::ApplicationData | Type::Heartbeat) => {
            NotTls::LaterRecord
        }
        Header::OtherType(Type(b' '..=b'~' | b'\r' | b'\n' | b'\t')) => NotTls::PlainText,
        // SSLv2: length with the first bit set, message type 1, version 0002 or 03xx.
        Header::OtherType(Type(0x80..)) => match stream {
            [_, _, 1, 3, ..] | [_, _, 1, 0, 2, ..] => NotTls::Sslv2Hello,
            [_] | [_, _] | [_, _, 1] | [_, _, 1, 0] => return NoMessage::NeedMore,
            _ => NotTls::UnknownProtocol,
        },
        Header::OtherType(_) => NotTls::UnknownProtocol,
    };
    NoMessage::NotTls(cause)
}

/// What a hello is whose next record is not one.
fn broken_off(fault: Header) -> NoMessage {
    match fault {
        Header::NeedMore | Header::Handshake(_) => NoMessage::NeedMore,
        Header::OtherType(_) | Header::OtherVersion => NoMessage::Malformed(Malformed::Interrupted),
        Header::TooLong => NoMessage::Malformed(Malformed::LongContinuation),
    }
}
