//! Whether a payload begins like a ClientHello. The agent judges for real; here a few bytes decide
//! what is worth handing up.

use ja4sentinel_common::Counter;

use crate::packet::Packet;
use crate::view::{PREFIX, View};

/// TLS record content type, RFC 8446 section 5.1.
const HANDSHAKE: u8 = 22;
/// Handshake message type, RFC 8446 section 4.
const CLIENT_HELLO: u8 = 1;
/// The one form of a change_cipher_spec record that goes with a HelloRetryRequest, RFC 8446
/// appendix D.4.
const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];
/// Bytes of a ClientHello that are compared: record type, version (2), length (2), message type.
const COMPARED: u32 = 6;

/// What a payload begins with that came after the server's first words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// A ClientHello, perhaps behind a change_cipher_spec; or too little to tell.
    Hello,
    /// A change_cipher_spec alone: what follows it decides.
    ChangeCipherSpec,
    /// Neither: the handshake went on, and no second hello comes.
    Other,
}

/// Reads the payload's first bytes into the packet's view.
#[inline(always)]
pub(crate) fn read_prefix(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let wanted = view.payload_len.min(PREFIX as u32);
    let to = view.prefix.as_mut_ptr();
    // SAFETY: the place has room for as many bytes.
    let copied = unsafe { packet.copy::<{ PREFIX as u32 }>(view.payload_at, wanted, to) };
    view.prefix_len = copied.ok_or(Counter::Unreadable)?;
    Ok(())
}

impl View {
    /// Whether the payload can begin a ClientHello, as far as its bytes go.
    #[inline(always)]
    pub(crate) fn may_begin_hello(&self) -> bool {
        self.matches_hello(0)
    }

    /// Whether it does begin one: enough of it is there to be sure.
    #[inline(always)]
    pub(crate) fn begins_hello(&self) -> bool {
        self.prefix_len >= COMPARED && self.matches_hello(0)
    }

    /// Length of the first TLS record, header included; 0 when the header is not all there.
    #[inline(always)]
    pub(crate) fn record_len(&self) -> u32 {
        if self.prefix_len < 5 {
            return 0;
        }
        5 + u32::from(u16::from_be_bytes([self.prefix[3], self.prefix[4]]))
    }

    /// What it begins with, if it came after the server's first words.
    #[inline(always)]
    pub(crate) fn second_flight(&self) -> Second {
        if self.matches_hello(0) {
            return Second::Hello;
        }
        for (at, byte) in CHANGE_CIPHER_SPEC.iter().enumerate() {
            if (at as u32) < self.prefix_len && self.prefix[at] != *byte {
                return Second::Other;
            }
        }
        let record = CHANGE_CIPHER_SPEC.len();
        if self.prefix_len == record as u32 {
            Second::ChangeCipherSpec
        } else if self.prefix_len < record as u32 || self.matches_hello(record) {
            Second::Hello
        } else {
            Second::Other
        }
    }

    /// Whether the bytes from `at` on, as far as they go, are a handshake record of any SSL 3 or
    /// TLS version whose first message is a ClientHello.
    #[inline(always)]
    fn matches_hello(&self, at: usize) -> bool {
        let absent = |place: usize| (at + place) as u32 >= self.prefix_len;
        let byte = |place: usize| self.prefix[at + place];
        byte(0) == HANDSHAKE
            && (absent(1) || byte(1) == 3)
            && (absent(2) || byte(2) <= 4)
            && (absent(5) || byte(5) == CLIENT_HELLO)
    }
}
