//! A ClientHello, as bytes and as the lists that the truth tells of it.

use super::clients::{Client, Draft};
use super::encode::{codes, handshake, long, record, short};
use super::random::Random;

/// What a padding extension fills the handshake message up to: old load balancers did not take those
/// between 256 and 511 bytes (RFC 7685).
const PADDED: usize = 512;

/// Bytes of a session ticket that makes a hello span ten segments.
const BIG_TICKET: usize = 14_000;

/// Extension types.
const TICKET: u16 = 35;
const PADDING: u16 = 21;

/// One hello.
pub(super) struct Hello {
    pub(super) client: Client,
    /// In its record.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the handshake message.
    pub(super) message_length: usize,
    /// Extension types in wire order.
    pub(super) extensions: Vec<u16>,
    pub(super) draft: Draft,
}

impl Hello {
    /// A hello of this client; a big one carries a ticket of 14,000 bytes.
    pub(super) fn new(client: Client, is_big: bool, random: &mut Random) -> Self {
        let mut draft = client.draft(random);
        if is_big {
            let ticket = random.bytes(BIG_TICKET);
            draft.extensions.retain(|(kind, _)| *kind != TICKET);
            draft.extensions.insert(draft.extensions.len() / 2, (TICKET, ticket));
            draft.is_padded = false;
        }
        Self::of(client, draft, random)
    }

    /// The hello of a draft.
    fn of(client: Client, mut draft: Draft, random: &mut Random) -> Self {
        let nonce = random.bytes(32);
        let session = if draft.has_session { random.bytes(32) } else { Vec::new() };
        let mut message = handshake(1, &body(&draft, &nonce, &session));
        // An extension's own header has four bytes.
        let room = PADDED.checked_sub(message.len() + 4);
        if let (true, Some(zeros)) = (draft.is_padded, room) {
            draft.extensions.push((PADDING, vec![0; zeros]));
            message = handshake(1, &body(&draft, &nonce, &session));
        }
        Self {
            client,
            bytes: record(0x16, [3, 1], &message),
            message_length: message.len(),
            extensions: draft.extensions.iter().map(|(kind, _)| *kind).collect(),
            draft,
        }
    }

    /// As the same client would say it next: of the same length, with all extensions but the first
    /// and the last in another order.
    pub(super) fn next(&self, random: &mut Random) -> Self {
        let mut draft = self.draft.clone();
        if let [_, middle @ .., _] = draft.extensions.as_mut_slice() {
            random.shuffle(middle);
        }
        draft.is_padded = false;
        Self::of(self.client, draft, random)
    }

    /// Whether the server answers with TLS 1.3.
    pub(super) fn offers_tls13(&self) -> bool {
        !self.draft.versions.is_empty()
    }
}

fn body(draft: &Draft, nonce: &[u8], session: &[u8]) -> Vec<u8> {
    let mut extensions = Vec::new();
    for (kind, content) in &draft.extensions {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(long(content));
    }
    [
        &draft.version.to_be_bytes(),
        nonce,
        &short(session),
        &long(&codes(&draft.ciphers)),
        &[1, 0], // no compression
        &long(&extensions),
    ]
    .concat()
}
