//! Captures below some folders.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

/// Endings of captures; each may be followed by [`PACKED`].
const ENDINGS: [&str; 4] = ["pcap", "pcapng", "cap", "trace"];
const PACKED: &str = "gz";

/// Every capture among `places` and below them, in order.
pub(super) fn find(places: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for place in places {
        if place.is_file() {
            found.push(place.clone());
        } else {
            search(place, &mut found)?;
        }
    }
    if found.is_empty() {
        bail!("no capture there: name files or folders of them");
    }
    found.sort();
    Ok(found)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            search(&path, found)?;
        } else if is_capture(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_capture(path: &Path) -> bool {
    let inner = if has_ending(path, PACKED) { path.with_extension("") } else { path.to_owned() };
    ENDINGS.iter().any(|ending| has_ending(&inner, ending))
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// How a capture is called in messages: its path below the place where it was found.
pub(super) fn name(capture: &Path, places: &[PathBuf]) -> String {
    let below = places.iter().filter_map(|place| capture.strip_prefix(place).ok());
    let shortest =
        below.filter(|path| path.file_name().is_some()).min_by_key(|p| p.as_os_str().len());
    shortest.unwrap_or(capture).display().to_string()
}

/// The capture, without gzip; a copy in `work` where it was packed.
pub(super) fn unpacked(capture: &Path, work: &Path) -> Result<PathBuf> {
    if !has_ending(capture, PACKED) {
        return Ok(capture.to_owned());
    }
    let packed = fs::read(capture).with_context(|| format!("cannot read {}", capture.display()))?;
    let mut bytes = Vec::new();
    MultiGzDecoder::new(&*packed)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} is no gzip file", capture.display()))?;
    fs::create_dir_all(work).with_context(|| format!("cannot make {}", work.display()))?;
    let copy = work.join("unpacked");
    fs::write(&copy, bytes).with_context(|| format!("cannot write {}", copy.display()))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_known_by_their_endings() {
        for name in ["a.pcap", "b.PCAPNG", "c.cap", "d.pcap.gz", "e.trace"] {
            assert!(is_capture(Path::new(name)), "{name}");
        }
        for name in ["expected.tsv", "gz", "a.gz", "README.md"] {
            assert!(!is_capture(Path::new(name)), "{name}");
        }
    }
}
