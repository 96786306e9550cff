//! JA4 and JA3 of a ClientHello, as total functions.
//!
//! JA4 is FoxIO's TLS client fingerprint (BSD-3), JA3 is Salesforce's (BSD-3); see NOTICE.

mod grease;
mod ja3;
mod ja4;
mod text;

use crate::hello::{ClientHello, U16s};
use grease::without_grease;

pub(crate) use text::hex;

/// What carried the hello: the first letter of JA4 (spec section 3, a1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS over UDP or SCTP.
    Dtls,
}

impl Transport {
    /// `t`, `q` or `d`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Tcp => 't',
            Self::Quic => 'q',
            Self::Dtls => 'd',
        }
    }
}

/// All fingerprints of one hello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprints {
    /// JA4, always 36 ASCII characters.
    pub ja4: String,
    /// JA4 with the sorted lists in place of their hashes.
    pub ja4_r: String,
    /// JA4 over the lists in wire order.
    pub ja4_o: String,
    /// The lists in wire order in place of their hashes.
    pub ja4_ro: String,
    /// The JA3 string.
    pub ja3: String,
    /// MD5 of the JA3 string, 32 lower-case hex digits.
    pub ja3_hash: String,
    /// The two characters that JA4 prints for the version: `13`, `12`, … `00`.
    pub tls_version: &'static str,
}

/// The lists that every fingerprint goes over, in wire order and without GREASE.
struct Codes {
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    signature_algorithms: Vec<u16>,
    groups: Vec<u16>,
}

impl Codes {
    /// Room for the extensions of a browser's hello, which has up to twenty.
    const EXTENSIONS: usize = 24;

    fn of(list: U16s<'_>) -> Vec<u16> {
        let mut codes = Vec::with_capacity(list.0.len() / 2);
        codes.extend(without_grease(list.iter()));
        codes
    }
}

impl Fingerprints {
    /// Computes every fingerprint of `hello`.
    #[must_use]
    pub fn of(hello: &ClientHello<'_>, transport: Transport) -> Self {
        let kinds = hello.extensions.iter().map(|extension| extension.kind);
        let mut extensions = Vec::with_capacity(Codes::EXTENSIONS);
        extensions.extend(without_grease(kinds));
        let codes = Codes {
            ciphers: Codes::of(hello.ciphers),
            extensions,
            signature_algorithms: Codes::of(hello.signature_algorithms),
            groups: Codes::of(hello.groups),
        };
        let ja3 = ja3::string(hello, &codes);
        let (sorted, wire) = ja4::forms(hello, codes, transport);
        Self {
            ja4: sorted.hashed,
            ja4_r: sorted.raw,
            ja4_o: wire.hashed,
            ja4_ro: wire.raw,
            ja3_hash: ja3::hash(&ja3),
            ja3,
            tls_version: ja4::version(hello, transport),
        }
    }

    /// Parts b and c of JA4, joined: `8daaf6152771_02cb136f2775`.
    #[must_use]
    pub fn ja4_hash(&self) -> &str {
        self.ja4.split_once('_').map_or("", |(_, hash)| hash)
    }
}
