//! Outputs of programs that read capture files, held against the truth.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use sha2::{Digest as _, Sha256};

use super::contender::{AGENT, Contender, TWO_WORKERS};
use super::output;
use super::score::{Judge, Score};

/// Outputs, each checked once: what repeats itself byte by byte is as right as it was.
pub(super) struct Checks {
    judge: Judge,
    known: HashMap<(&'static str, [u8; 32]), Score>,
}

impl Checks {
    pub(super) fn new(truth: &Path) -> Result<Self> {
        Ok(Self { judge: Judge::load(truth)?, known: HashMap::new() })
    }

    /// `None` for a program that reports no hellos. A wrong output of the agent is an error.
    pub(super) fn check(&mut self, contender: &Contender) -> Result<Option<Score>> {
        let Some(output) = &contender.output else { return Ok(None) };
        let sum = sum(&output.path).with_context(|| format!("no output of {}", contender.name))?;
        let key = (contender.name, sum);
        if let Some(known) = self.known.get(&key) {
            return Ok(Some(known.clone()));
        }
        let score = self.judge.judge(output::hellos(output.format, &output.path)?);
        if matches!(contender.name, AGENT | TWO_WORKERS) && !score.is_perfect() {
            bail!("the agent's output is wrong: {score:?}; it is in {}", output.path.display());
        }
        self.known.insert(key, score.clone());
        Ok(Some(score))
    }
}

fn sum(path: &Path) -> Result<[u8; 32]> {
    let (mut file, mut digest) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(digest.finalize().into());
        }
        digest.update(buffer.get(..count).unwrap_or_default());
    }
}
