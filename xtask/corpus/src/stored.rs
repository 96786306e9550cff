//! Corpora in files, made once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::kind::{Kind, SEED, Size};

/// To be counted up when the bytes of any corpus change, so that stored ones are made afresh.
const VERSION: u32 = 1;

/// A corpus.
#[derive(Debug, Clone)]
pub struct Files {
    /// The capture.
    pub pcap: PathBuf,
    /// What has to be found in it, for [`Truth::load`](crate::Truth::load).
    pub truth: PathBuf,
}

/// The whole corpus of this kind and the usual seed, made in `folder` unless it is there.
pub fn make(kind: Kind, folder: &Path) -> Result<Files> {
    make_with(kind, Size::Full, SEED, folder)
}

/// The same of another size or seed.
pub fn make_with(kind: Kind, size: Size, seed: u64, folder: &Path) -> Result<Files> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let name = match size {
        Size::Full => kind.name().to_owned(),
        Size::Small => format!("{}-small", kind.name()),
    };
    let files = Files {
        pcap: folder.join(format!("{name}.pcap")),
        truth: folder.join(format!("{name}.truth.jsonl")),
    };
    let stamp = folder.join(format!("{name}.stamp"));
    let wanted = format!("version {VERSION} seed {seed}\n");
    let is_there = fs::read_to_string(&stamp).is_ok_and(|found| found == wanted);
    if is_there && files.pcap.exists() && files.truth.exists() {
        return Ok(files);
    }
    // It goes first and comes last, so that it never stands beside half a corpus.
    if stamp.exists() {
        fs::remove_file(&stamp).with_context(|| format!("cannot remove {}", stamp.display()))?;
    }
    let (mut capture, mut truth) = (create(&files.pcap)?, create(&files.truth)?);
    kind.write(size, seed, &mut capture, &mut truth)
        .with_context(|| format!("cannot write {}", files.pcap.display()))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(files)
}

fn create(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot create {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_made_once_for_each_seed() {
        let folder = tempfile::tempdir().unwrap();
        let make = |seed| make_with(Kind::Hello, Size::Small, seed, folder.path()).unwrap();
        let files = make(1);
        let first = fs::read(&files.pcap).unwrap();
        // Whoever changes a corpus keeps the change, as nobody looks at its bytes again.
        fs::write(&files.pcap, b"changed").unwrap();
        assert_eq!(fs::read(make(1).pcap).unwrap(), b"changed");
        assert_ne!(fs::read(make(2).pcap).unwrap(), first);
        assert_eq!(fs::read(make(1).pcap).unwrap(), first);
    }
}
