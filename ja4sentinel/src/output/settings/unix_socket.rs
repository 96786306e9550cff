//! What a UNIX socket output is told, and what a spool is.

use std::path::PathBuf;

/// A UNIX socket that another program listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSocketConfig {
    /// The socket.
    pub path: PathBuf,
    /// Its type.
    pub socket_type: SocketType,
    /// Where records wait while the peer is away and the queue is full.
    pub spool: Option<SpoolConfig>,
}

impl UnixSocketConfig {
    /// `path` with the defaults of everything else.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, socket_type: SocketType::Auto, spool: None }
    }
}

/// Type of a UNIX socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SocketType {
    /// Found out when connecting.
    #[default]
    Auto,
    /// `SOCK_STREAM`: records are divided by their newline.
    Stream,
    /// `SOCK_DGRAM`: one record a datagram.
    Datagram,
}

/// A queue on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Directory of its files; made when missing, used by one output only.
    pub directory: PathBuf,
    /// Bytes that it holds at most.
    pub size: u64,
}

impl SpoolConfig {
    /// About 60,000 records.
    pub const SIZE: u64 = 64 * 1024 * 1024;
}
