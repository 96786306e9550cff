//! What a client may send before its ClientHello: a PROXY header of the load balancer in front
//! ([`proxy`]), or a plain-text or binary talk that ends in "now TLS" ([`skip`]).
//!
//! All of it is judged by content, from the first byte of the connection on, so it does not matter
//! how the stream was cut into segments. Only [`at_boundary`], the last resort for protocols that
//! are not known here, looks at segment boundaries.

mod ldap;
mod mysql;
mod postgres;
pub mod proxy;
mod rdp;
mod socks;
mod text;

/// Longest preamble in bytes. The talk before STARTTLS takes some hundred bytes; connections that
/// never come to TLS are let go at this limit.
pub const MAX_PREAMBLE: usize = 16 * 1024;

/// Preambles in a row: PostgreSQL's two requests, a tunnel within a tunnel.
const MAX_NESTED: usize = 4;

/// The protocol that leads to TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// SMTP, LMTP (RFC 3207), IRC, NNTP (RFC 4642), ManageSieve (RFC 5804): `STARTTLS`.
    Starttls,
    /// IMAP (RFC 3501) and ACAP: a tagged `STARTTLS`.
    Imap,
    /// POP3: `STLS` (RFC 2595).
    Pop3,
    /// FTP: `AUTH TLS` (RFC 4217).
    Ftp,
    /// XMPP: `<starttls/>` (RFC 6120).
    Xmpp,
    /// HTTP `CONNECT` (RFC 9110).
    HttpConnect,
    /// LDAP: the StartTLS extended request (RFC 4511).
    Ldap,
    /// PostgreSQL: SSLRequest.
    Postgres,
    /// MySQL and MariaDB: the short handshake response with CLIENT_SSL.
    Mysql,
    /// SOCKS 4, 4a or 5 (RFC 1928).
    Socks,
    /// RDP: the X.224 connection request in TPKT.
    Rdp,
}

impl Protocol {
    /// Name of the protocol in records and counters.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Xmpp => "xmpp",
            Self::HttpConnect => "http_connect",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Socks => "socks",
            Self::Rdp => "rdp",
        }
    }
}

/// What the bytes so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// A preamble may be there, but TLS has not begun.
    NeedMore,
    /// No preamble that is known here.
    None,
    /// TLS begins at offset `len`: the byte there is that of a handshake record.
    Found {
        /// Length of everything before the first TLS record, in bytes.
        len: usize,
        /// The last protocol before it.
        protocol: Protocol,
    },
}

/// How far one protocol reaches, as its reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It may be this protocol.
    NeedMore,
    /// It is not.
    No,
    /// It is, and it has this many bytes, more than none.
    Done(usize, Protocol),
}

/// First byte of a TLS handshake record.
const TLS: u8 = 22;

/// Finds where the ClientHello begins in the bytes that a client sent from the start of the
/// connection on. A stream that begins with TLS has no preamble.
#[must_use]
pub fn skip(stream: &[u8]) -> Preamble {
    let mut len = 0;
    let mut last = None;
    for _ in 0..=MAX_NESTED {
        let rest = stream.get(len..).unwrap_or_default();
        match (rest.first(), last) {
            (None, _) => return Preamble::NeedMore,
            (Some(&TLS), Some(protocol)) => return Preamble::Found { len, protocol },
            _ => {}
        }
        match step(rest) {
            Step::Done(taken, protocol) if len + taken <= MAX_PREAMBLE => {
                len += taken;
                last = Some(protocol);
            }
            Step::NeedMore if stream.len() <= MAX_PREAMBLE => return Preamble::NeedMore,
            _ => return Preamble::None,
        }
    }
    Preamble::None
}

/// The protocol at the start of `stream`; as long as several come into question, more is needed.
fn step(stream: &[u8]) -> Step {
    let readers = [postgres::read, mysql::read, socks::read, rdp::read, ldap::read, text::read];
    let mut open = false;
    for reader in readers {
        match reader(stream) {
            Step::No => {}
            Step::NeedMore => open = true,
            done => return done,
        }
    }
    if open { Step::NeedMore } else { Step::No }
}

/// The first of `boundaries` (offsets in `stream` where a TCP segment begins, ascending) at which
/// something begins that looks like a ClientHello in a TLS record: the last resort where
/// [`skip`] finds nothing. Looks no further than [`MAX_PREAMBLE`].
pub fn at_boundary(stream: &[u8], boundaries: impl IntoIterator<Item = usize>) -> Option<usize> {
    boundaries
        .into_iter()
        .take_while(|offset| *offset <= MAX_PREAMBLE)
        .find(|offset| stream.get(*offset..).is_some_and(looks_like_a_hello))
}

/// Content type, major version, a message type of 1, a length below 64 KiB, and again the major
/// version, that of the body.
fn looks_like_a_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [TLS, 3, 0..=4, _, _, 1, 0, _, _, 3, ..])
}

#[cfg(test)]
mod tests;
