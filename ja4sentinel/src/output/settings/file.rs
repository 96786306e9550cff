//! What a file output is told.

use std::path::PathBuf;
use std::time::Duration;

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
    /// How rotated files are compressed.
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
    /// Zstandard, RFC 8878.
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// What it adds to a file's name.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }
}
