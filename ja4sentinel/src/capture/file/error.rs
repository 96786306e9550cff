//! What can be wrong with a capture file.

use std::io;

/// A fault of one capture file; everything before it was delivered.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {fault}")]
pub struct FileError {
    /// The file's name as it was given, or `standard input`.
    pub file: String,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a capture file. Offsets are in bytes from its begin, of the decompressed
/// data where it is compressed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// It cannot be read on.
    #[error("cannot be read on at byte {offset}: {source}")]
    Read {
        /// How far it was read.
        offset: u64,
        /// The system's or the decompressor's words.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "is no capture: found {found}; pcap and pcapng files are read, plain or compressed by gzip"
    )]
    NotACapture {
        /// What it begins with.
        found: String,
    },
    /// It ends in the middle of a packet or block.
    #[error(
        "cut off at byte {end}: the {what} that begins at byte {begin} has {wanted} bytes or more"
    )]
    Cut {
        /// Length of the file.
        end: u64,
        /// Where the incomplete thing begins.
        begin: u64,
        /// Its length as far as it says.
        wanted: u64,
        /// `file header`, `packet` or `block`.
        what: &'static str,
    },
    /// It contradicts its own format.
    #[error("damaged at byte {offset}: {what}")]
    Damaged {
        /// Begin of the packet record or block.
        offset: u64,
        /// The contradiction.
        what: String,
    },
}

/// What the first bytes of something that is no capture look like.
pub(super) fn describe(head: &[u8]) -> String {
    const KNOWN: [(&[u8], &str); 9] = [
        (
            b"\x28\xb5\x2f\xfd",
            "zstd-compressed data (decompress it: zstd -dc FILE | ja4sentinel read -)",
        ),
        (b"\xfd7zXZ\0", "xz-compressed data (decompress it: xz -dc FILE | ja4sentinel read -)"),
        (b"BZh", "bzip2-compressed data (decompress it: bzip2 -dc FILE | ja4sentinel read -)"),
        (
            b"\x04\x22\x4d\x18",
            "lz4-compressed data (decompress it: lz4 -dc FILE | ja4sentinel read -)",
        ),
        (b"PK\x03\x04", "a zip archive (unpack it first)"),
        (b"snoop\0\0\0", "a snoop capture (convert it: editcap -F pcapng)"),
        (b"\x7fELF", "an ELF program"),
        (b"{", "JSON or other text"),
        (b"\x1f\x8b", "gzip-compressed data inside gzip-compressed data"),
    ];
    if head.is_empty() {
        return "an empty file".to_owned();
    }
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*name).to_owned();
    }
    let shown = head.get(..8).unwrap_or(head);
    format!("\"{}\" at its begin", shown.escape_ascii())
}
