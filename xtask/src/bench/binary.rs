//! The size of what users download.

use anyhow::{Context, Result};

use super::Bench;
use super::figure::{Figure, Mark};
use super::spread::Spread;
use crate::static_build;

const MOST_MIB: f64 = 8.0;
const MIB: f64 = 1_048_576.0;

/// Looks at it. A binary that is not static is none to be judged.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let bytes = std::fs::read(&bench.agent)?;
    static_build::needs_no_library(&bytes).context("this part wants the static agent")?;
    #[expect(clippy::cast_precision_loss, reason = "a size, shown with three digits")]
    let spread = Spread::of([bytes.len() as f64 / MIB]).context("no size")?;
    let figure =
        Figure::new("binary", "static binary without symbols", "ja4sentinel", "MiB", spread);
    Ok(vec![figure.with_mark(Some(Mark::AtMost(MOST_MIB)))])
}
