//! Why bytes are no ClientHello, or a broken one: closed lists, a counter each.

/// Why bytes are no ClientHello. Decided by the first bytes, so it does not depend on how the
/// stream was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotTls {
    /// The first byte is printable ASCII or a line end: a text protocol, often plain HTTP.
    PlainText,
    /// An SSLv2-compatible hello (RFC 5246 appendix E.2), which has no JA4 and no JA3.
    Sslv2Hello,
    /// The client begins with a TLS alert.
    Alert,
    /// A TLS record that can only follow a hello: the capture began in mid-connection.
    LaterRecord,
    /// Anything else.
    UnknownProtocol,
    /// A handshake record whose major version is not 3.
    RecordVersion,
    /// The first record is longer than [`MAX_RECORD`](super::MAX_RECORD).
    RecordTooLong,
    /// A handshake message other than ClientHello, say a ServerHello.
    OtherHandshake,
}

impl NotTls {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::PlainText,
        Self::Sslv2Hello,
        Self::Alert,
        Self::LaterRecord,
        Self::UnknownProtocol,
        Self::RecordVersion,
        Self::RecordTooLong,
        Self::OtherHandshake,
    ];

    /// Name of the cause in counters and records.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::PlainText => "plain_text",
            Self::Sslv2Hello => "sslv2_hello",
            Self::Alert => "tls_alert",
            Self::LaterRecord => "later_tls_record",
            Self::UnknownProtocol => "unknown_protocol",
            Self::RecordVersion => "record_version",
            Self::RecordTooLong => "record_too_long",
            Self::OtherHandshake => "other_handshake",
        }
    }
}

/// How a ClientHello breaks its structure. There is no fingerprint of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// The message declares more than [`MAX_BODY`](super::MAX_BODY) bytes.
    HugeDeclaredLength,
    /// Between its records stands something that is no handshake record.
    Interrupted,
    /// One of its later records is longer than [`MAX_RECORD`](super::MAX_RECORD).
    LongContinuation,
    /// The body ends before the compression methods are complete.
    BodyShort,
    /// The session identifier is longer than 32 bytes.
    LongSessionId,
    /// The extension block declares more than the body holds.
    ExtensionBlockShort,
    /// An extension declares more than the block holds.
    ExtensionTruncated,
}

impl Malformed {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::HugeDeclaredLength,
        Self::Interrupted,
        Self::LongContinuation,
        Self::BodyShort,
        Self::LongSessionId,
        Self::ExtensionBlockShort,
        Self::ExtensionTruncated,
    ];

    /// Name of the cause in counters and records.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::HugeDeclaredLength => "huge_declared_length",
            Self::Interrupted => "interrupted_hello",
            Self::LongContinuation => "long_continuation",
            Self::BodyShort => "body_short",
            Self::LongSessionId => "long_session_id",
            Self::ExtensionBlockShort => "extension_block_short",
            Self::ExtensionTruncated => "extension_truncated",
        }
    }
}
