//! Whether a payload begins like a ClientHello. The agent judges for real; here a few bytes decide
//! what is worth handing up.

use crate::packet::Packet;

/// TLS record content types, RFC 8446 section 5.1.
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
/// Handshake message type, RFC 8446 section 4.
const CLIENT_HELLO: u8 = 1;
/// Length of a change_cipher_spec record: header and one byte.
const CHANGE_CIPHER_SPEC_LEN: usize = 6;
/// Bytes of a ClientHello that are compared: record type, version (2), length (2), message type.
const COMPARED: usize = 6;
/// Bytes of a payload that are read.
const PREFIX: usize = 16;

/// The first bytes of a payload.
pub(crate) struct Prefix {
    bytes: [u8; PREFIX],
    len: usize,
}

/// What a payload of the client's second flight begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// A ClientHello, perhaps behind a change_cipher_spec; or too little to tell.
    Hello,
    /// A change_cipher_spec alone: what follows it decides.
    ChangeCipherSpec,
    /// Neither: the handshake went on, and no second hello comes.
    Other,
}

impl Prefix {
    /// Reads the beginning of the `len` bytes of payload at `at`.
    #[inline(always)]
    pub(crate) fn read(packet: &Packet, at: u32, len: u32) -> Option<Self> {
        let mut bytes = [0; PREFIX];
        let wanted = len.min(PREFIX as u32);
        // SAFETY: the place has room for as many bytes.
        let len = unsafe { packet.copy::<{ PREFIX as u32 }>(at, wanted, bytes.as_mut_ptr()) }?;
        Some(Self { bytes, len: len as usize })
    }

    /// Whether these bytes can begin a ClientHello, as far as they go.
    #[inline(always)]
    pub(crate) fn may_begin_hello(&self) -> bool {
        self.matches_hello(0)
    }

    /// Whether they do begin one: enough of it is there to be sure.
    #[inline(always)]
    pub(crate) fn begins_hello(&self) -> bool {
        self.len >= COMPARED && self.matches_hello(0)
    }

    /// Length of the first TLS record, header included; 0 when the header is not all there.
    #[inline(always)]
    pub(crate) fn record_len(&self) -> u32 {
        if self.len < 5 {
            return 0;
        }
        5 + u32::from(u16::from_be_bytes([self.bytes[3], self.bytes[4]]))
    }

    /// What a segment begins with that came after the server's first words.
    #[inline(always)]
    pub(crate) fn second_flight(&self) -> Second {
        if self.matches_hello(0) {
            return Second::Hello;
        }
        let record = [CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1];
        let mut at = 0;
        while at < CHANGE_CIPHER_SPEC_LEN {
            if at < self.len && self.bytes[at] != record[at] {
                return Second::Other;
            }
            at += 1;
        }
        if self.len == CHANGE_CIPHER_SPEC_LEN {
            Second::ChangeCipherSpec
        } else if self.len < CHANGE_CIPHER_SPEC_LEN || self.matches_hello(CHANGE_CIPHER_SPEC_LEN) {
            Second::Hello
        } else {
            Second::Other
        }
    }

    /// Whether the bytes from `at` on, as far as they go, are a handshake record of any SSL 3 or
    /// TLS version whose first message is a ClientHello.
    #[inline(always)]
    fn matches_hello(&self, at: usize) -> bool {
        let absent = |place: usize| at + place >= self.len;
        let byte = |place: usize| self.bytes[at + place];
        byte(0) == HANDSHAKE
            && (absent(1) || byte(1) == 3)
            && (absent(2) || byte(2) <= 4)
            && (absent(5) || byte(5) == CLIENT_HELLO)
    }
}
