//! JA4 and JA3 of a ClientHello, as total functions.
//!
//! JA4 is FoxIO's TLS client fingerprint (BSD-3), JA3 is Salesforce's (BSD-3); see NOTICE.

mod ciphers;
mod fingerprinter;
mod grease;
mod ja3;
mod ja4;
mod memo;
mod order;
mod shape;
mod text;

use arrayvec::ArrayString;

use crate::hello::ClientHello;

pub use fingerprinter::Fingerprinter;
pub(crate) use text::hex;

/// JA4 with hashes: three parts between underscores, 36 ASCII characters.
pub type Ja4 = ArrayString<36>;

/// Parts b and c of JA4, joined: `8daaf6152771_02cb136f2775`.
pub type Ja4Hash = ArrayString<25>;

/// Where [`Ja4Hash`] stands in [`Ja4`]: behind part a, which has ten characters, and an underscore.
const HASHES: usize = 11;

/// An MD5, 32 lower-case hex digits.
pub type Ja3Hash = ArrayString<32>;

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
    /// JA4.
    pub ja4: Ja4,
    /// JA4 with the sorted lists in place of their hashes.
    pub ja4_r: String,
    /// JA4 over the lists in wire order.
    pub ja4_o: Ja4,
    /// The lists in wire order in place of their hashes.
    pub ja4_ro: String,
    /// The JA3 string.
    pub ja3: String,
    /// MD5 of the JA3 string.
    pub ja3_hash: Ja3Hash,
    /// The two characters that JA4 prints for the version: `13`, `12`, … `00`.
    pub tls_version: &'static str,
}

impl Fingerprints {
    /// Computes every fingerprint of `hello`. Whoever has many of them has a [`Fingerprinter`].
    #[must_use]
    pub fn of(hello: &ClientHello<'_>, transport: Transport) -> Self {
        Fingerprinter::default().fingerprint(hello, transport).clone()
    }

    /// Parts b and c of JA4.
    #[must_use]
    pub fn ja4_hash(&self) -> Ja4Hash {
        let hash = self.ja4.get(HASHES..).and_then(|hash| Ja4Hash::from(hash).ok());
        hash.unwrap_or_default()
    }
}
