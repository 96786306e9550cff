//! Contiguous bytes to a ClientHello.

use super::ClientHello;

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
    /// Offset in the stream just behind the last record that holds a byte of the hello.
    pub end: usize,
    /// How many TLS records the hello was spread over.
    pub tls_records: u32,
}

/// Why bytes are no ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotTls {
    /// The first record is not a handshake record of major version 3.
    NotHandshake,
}

/// How a ClientHello breaks its structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The body ends before the compression methods are complete.
    BodyShort,
}

/// Reads a ClientHello from the start of `stream`. `scratch` holds the joined message when the
/// hello is spread over several records; the result borrows from either.
pub fn read<'a>(_stream: &'a [u8], _scratch: &'a mut Vec<u8>) -> Reading<'a> {
    Reading::NotTls(NotTls::NotHandshake)
}

/// Reads a further ClientHello of the same connection, after a HelloRetryRequest, from the bytes
/// behind the first one: change_cipher_spec records before it are passed over.
pub fn read_next<'a>(_stream: &'a [u8], _scratch: &'a mut Vec<u8>) -> Reading<'a> {
    Reading::NotTls(NotTls::NotHandshake)
}
