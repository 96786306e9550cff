//! What an output is told.

use std::path::PathBuf;
use std::time::Duration;

use crate::sensor::PortSet;

/// One output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputConfig {
    /// How logs and metrics call it; unique among the outputs.
    pub name: String,
    /// Where its lines go.
    pub sink: SinkConfig,
    /// Records that wait at most, while the sink is slow or away.
    pub queue: usize,
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

    /// An output with the defaults of everything but the sink; it is named after the sink.
    #[must_use]
    pub fn new(sink: SinkConfig) -> Self {
        Self {
            name: sink.label().to_owned(),
            sink,
            queue: Self::QUEUE,
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
}

impl SinkConfig {
    /// The type's name in the configuration.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File(_) => "file",
            Self::UnixSocket(_) => "unix_socket",
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
    pub(super) fn spool(&self) -> Option<&SpoolConfig> {
        match self {
            Self::UnixSocket(socket) => socket.spool.as_ref(),
            _ => None,
        }
    }
}

/// A file that lines are appended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// The file.
    pub path: PathBuf,
    /// A line waits in the buffer for so long at most.
    pub flush_interval: Duration,
    /// When and how the file is rotated by this program itself; logrotate may do it from outside
    /// at any time.
    pub rotation: Rotation,
}

impl FileConfig {
    /// A crash of the host loses so much at most.
    pub const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

    /// `path` with the defaults of everything else.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, flush_interval: Self::FLUSH_INTERVAL, rotation: Rotation::default() }
    }
}

/// Rotation of a file by size and age; neither is no rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Rotate before the file grows over so many bytes.
    pub size: Option<u64>,
    /// Rotate when the file was begun so long ago.
    pub age: Option<Duration>,
    /// Rotated files kept: `path.1` is the newest.
    pub keep: u32,
    /// Whether rotated files are compressed.
    pub compression: Compression,
}

impl Rotation {
    /// A week of daily files.
    pub const KEEP: u32 = 7;
}

impl Default for Rotation {
    fn default() -> Self {
        Self { size: None, age: None, keep: Self::KEEP, compression: Compression::None }
    }
}

/// Compression of rotated files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// gzip, RFC 1952.
    Gzip,
}

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
