//! A file system that fills up and is freed.

use std::fs;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::phase::Step;
use super::stage::Stage;

/// Room for three files of records and a little more.
pub(super) const SIZE: &str = "2m";
/// How long there is room.
const FREE: Duration = Duration::from_secs(7);
/// How long there is none.
const FULL: Duration = Duration::from_secs(4);

/// Fills the disk up to the last byte, and frees it. Gives how often.
pub(super) fn run(stage: &Stage) -> Result<u64> {
    let ballast = stage.disk.path().join("ballast");
    let mut times = 0;
    while stage.phase.rest(Step::Load, FREE) {
        let mut file = fs::File::create(&ballast).context("the ballast")?;
        loop {
            match file.write(&[0; 4096]) {
                Ok(1..) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                other => bail!("the disk does not fill up: {other:?}"),
            }
        }
        times += 1;
        stage.phase.rest(Step::Load, FULL);
        fs::remove_file(&ballast)?;
    }
    Ok(times)
}
