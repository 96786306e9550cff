//! What an output is told.

mod file;
mod network;
mod syslog;
mod unix_socket;

use std::time::Duration;

use crate::sensor::PortSet;

pub use file::{Compression, FileConfig, Rotation};
pub use network::{HostPort, TcpConfig, TlsConfig};
pub use syslog::{Facility, SyslogConfig, SyslogTransport};
pub use unix_socket::{SocketType, SpoolConfig, UnixSocketConfig};

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputConfig {
    /// How logs and metrics call it; unique among the outputs.
    pub name: String,
    /// Where its lines go.
    pub sink: SinkConfig,
    /// Records that wait at most, while the sink is slow or away.
    pub queue: usize,
    /// Bytes that waiting records hold at most.
    pub queue_bytes: u64,
    /// Shape of a line.
    pub format: Format,
    /// Which records, and which of their fields.
    pub filter: Filter,
    /// One record of so many is written, the others are counted as `sampled_out`; 1 is all.
    pub sample: u32,
}

impl OutputConfig {
    /// Room for a second of a busy server's connections.
    pub const QUEUE: usize = 10_000;
    /// Room for as many ordinary records; those of hostile hellos can be a hundred times as large.
    pub const QUEUE_BYTES: u64 = 64 * 1024 * 1024;

    /// An output with the defaults of everything but the sink; it is named after the sink.
    #[must_use]
    pub fn new(sink: SinkConfig) -> Self {
        Self {
            name: sink.label().to_owned(),
            sink,
            queue: Self::QUEUE,
            queue_bytes: Self::QUEUE_BYTES,
            format: Format::Flat,
            filter: Filter::default(),
            sample: 1,
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkConfig {
    /// Standard output.
    Stdout,
    /// A file.
    File(FileConfig),
    /// A UNIX socket that another program listens on.
    UnixSocket(UnixSocketConfig),
    /// A TCP connection, plain or in TLS.
    Tcp(TcpConfig),
    /// A syslog server.
    Syslog(SyslogConfig),
}

impl SinkConfig {
    /// The type's name in the configuration.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File(_) => "file",
            Self::UnixSocket(_) => "unix_socket",
            Self::Tcp(_) => "tcp",
            Self::Syslog(_) => "syslog",
        }
    }

    /// Whether two of them at once would get in each other's way: they write to the same
    /// descriptor or file, or keep records in the same directory.
    pub(super) fn shares_place_with(&self, other: &Self) -> bool {
        let directory = |sink: &Self| sink.spool().map(|spool| spool.directory.clone());
        match (self, other) {
            (Self::Stdout, Self::Stdout) => true,
            (Self::File(one), Self::File(other)) => one.path == other.path,
            _ => directory(self).is_some_and(|mine| directory(other) == Some(mine)),
        }
    }

    /// How long a line may wait for others to share its write.
    pub(super) fn linger(&self) -> Duration {
        match self {
            Self::File(file) => file.flush_interval,
            _ => Duration::ZERO,
        }
    }

    /// Where lines wait while the reader is away.
    #[must_use]
    pub fn spool(&self) -> Option<&SpoolConfig> {
        match self {
            Self::UnixSocket(socket) => socket.spool.as_ref(),
            Self::Tcp(tcp) => tcp.spool.as_ref(),
            Self::Stdout | Self::File(_) | Self::Syslog(_) => None,
        }
    }
}

/// Shape of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// The record as it is.
    #[default]
    Flat,
    /// Like an event of Suricata's eve.json.
    Eve,
    /// Elastic Common Schema.
    Ecs,
}

/// Which records an output takes, and which of their fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Server ports; `None` is all. Records of others are counted as `filtered_out`.
    pub ports: Option<PortSet>,
    /// Names of the record's fields that are kept; `None` is all.
    pub fields: Option<Vec<&'static str>>,
}
