//! Bare client bytes, wrapped into a capture of one connection.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ja4sentinel_tests::captures;
use ja4sentinel_tests::frames::Packet;

use crate::workspace;

/// What a segment carries on an Ethernet of 1500 bytes.
const SEGMENT: usize = 1440;

/// The capture at `path`; of a file that ends in `.bin` one that is made of its bytes.
pub(super) fn as_capture(path: &Path, folder: &str) -> Result<PathBuf> {
    if path.extension().is_none_or(|ending| ending != "bin") {
        return Ok(path.to_owned());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let client = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let server = SocketAddr::from(([192, 0, 2, 2], 443));
    let mut sequence: u32 = 1;
    let mut frames = vec![Packet::syn(client, server, 0).frame()];
    for piece in bytes.chunks(SEGMENT) {
        frames.push(Packet::data(client, server, sequence, piece).frame());
        sequence = sequence.wrapping_add(u32::try_from(piece.len())?);
    }
    let place = workspace::target().join("vectors").join(folder);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let name = path.file_name().context("a vector without a name")?;
    let capture = place.join(name).with_extension("pcap");
    fs::write(&capture, captures::pcap(1, &frames))
        .with_context(|| format!("cannot write {}", capture.display()))?;
    Ok(capture)
}
