//! What a syslog output is told.

use std::path::PathBuf;

use super::HostPort;

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogConfig {
    /// The way to it.
    pub transport: SyslogTransport,
    /// Facility of the messages.
    pub facility: Facility,
}

/// The way to a syslog server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogTransport {
    /// The local one's socket.
    Unix(PathBuf),
    /// One message a datagram, RFC 5426.
    Udp(HostPort),
    /// Messages behind their length, RFC 6587 section 3.4.1.
    Tcp(HostPort),
}

impl SyslogTransport {
    /// Where the local syslog server listens.
    pub const LOCAL: &'static str = "/dev/log";
}

/// A facility, RFC 5424 table 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(pub(super) u8);

impl Facility {
    /// Names as in syslog.conf(5), at their number.
    pub const NAMES: [&'static str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];

    /// The facility of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        (0..).zip(Self::NAMES).find(|(_, other)| *other == name).map(|(number, _)| Self(number))
    }

    /// Its number, 0 to 23.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

impl Default for Facility {
    /// `local0`.
    fn default() -> Self {
        Self(16)
    }
}
