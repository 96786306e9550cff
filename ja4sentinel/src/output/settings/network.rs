//! What a TCP output is told.

use std::fmt;
use std::path::PathBuf;

use super::SpoolConfig;

/// Where a server listens; looked up anew for each connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address, an IPv6 one without brackets.
    pub host: String,
    /// Port, not 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port` or `[address]:port`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|inside| inside.contains(':'))?,
            None => host,
        };
        let bare = !text.starts_with('[');
        let wrong = |c: char| c.is_whitespace() || c.is_control() || (bare && c == ':');
        (!host.is_empty() && !host.contains(wrong)).then(|| Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpConfig {
    /// The server.
    pub address: HostPort,
    /// TLS around the connection.
    pub tls: Option<TlsConfig>,
    /// Where records wait while the server is away and the queue is full.
    pub spool: Option<SpoolConfig>,
}

impl TcpConfig {
    /// `address` with the defaults of everything else.
    #[must_use]
    pub fn new(address: HostPort) -> Self {
        Self { address, tls: None, spool: None }
    }
}

/// How the server is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsConfig {
    /// PEM file of the certificates that are trusted; `None` for those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Name that the server's certificate is for; `None` for the host of the address.
    pub server_name: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for text in ["log.example.net:514", "192.0.2.1:1", "[2001:db8::1]:6514"] {
            assert_eq!(HostPort::parse(text).unwrap().to_string(), text);
        }
        for text in
            ["", "host", ":514", "host:", "host:0", "host:65536", "::1:514", "[h]:1", "a b:1"]
        {
            assert_eq!(HostPort::parse(text), None, "{text:?}");
        }
    }
}
