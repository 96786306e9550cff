//! The generated traffic that is measured with.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use anyhow::{Context, Result};
use ja4sentinel_corpus::Files;

pub(super) use crate::corpus::{Kind, Truth, Tuple};
use crate::corpus::{SEED, Size, folder, make_with};

/// Bytes in front of the first packet of a capture in pcap's classic format, and of each.
const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// A corpus, whole or a hundredth of it, made unless it is there.
pub(super) fn get(kind: Kind, is_small: bool) -> Result<Files> {
    make_with(kind, if is_small { Size::Small } else { Size::Full }, SEED, &folder())
}

/// How many packets a corpus holds.
pub(super) fn packets(capture: &Path) -> Result<f64> {
    let file = File::open(capture).with_context(|| format!("{}", capture.display()))?;
    let mut file = BufReader::new(file);
    file.read_exact(&mut [0; FILE_HEADER])?;
    let (mut count, mut header) = (0.0, [0; PACKET_HEADER]);
    while file.read_exact(&mut header).is_ok() {
        // Two words of time, then the length in the file.
        let [.., a, b, c, d, _, _, _, _] = header;
        file.seek_relative(i64::from(u32::from_le_bytes([a, b, c, d])))?;
        count += 1.0;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ja4sentinel_tests::captures;

    #[test]
    fn packets_are_counted() {
        let path = std::env::temp_dir().join(format!("ja4sentinel-{}.pcap", std::process::id()));
        std::fs::write(&path, captures::pcap(1, &[vec![1; 60], vec![2; 1500]])).unwrap();
        let count = packets(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(count, 2.0);
    }
}
