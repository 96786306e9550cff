//! What the agent's process takes, second by second.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::stage::Stage;

/// One look at a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// Since the load began.
    pub(super) at: Duration,
    /// Memory of it that is in RAM, KiB.
    pub(super) resident: u64,
    /// Open descriptors.
    pub(super) descriptors: usize,
    /// Threads.
    pub(super) threads: usize,
}

impl Sample {
    /// Looks at the agent, which must be running.
    pub(super) fn take(stage: &Stage, begun: Instant) -> Result<Self> {
        let directory = format!("/proc/{}", stage.agent.id());
        let ended = || format!("the agent has ended:\n{}", stage.agent.log());
        let status = fs::read_to_string(format!("{directory}/status")).with_context(ended)?;
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.trim().split(' ').next())
        };
        ensure!(field("State:") != Some("Z"), ended());
        let number = |name: &str| -> Result<u64> {
            Ok(field(name).with_context(|| format!("no {name} in /proc"))?.parse()?)
        };
        Ok(Self {
            at: begun.elapsed(),
            resident: number("VmRSS:")?,
            descriptors: fs::read_dir(format!("{directory}/fd"))?.count(),
            threads: usize::try_from(number("Threads:")?)?,
        })
    }
}

/// How fast memory grows, KiB a minute: the slope of the line that fits the samples best, by least
/// squares.
pub(super) fn slope(samples: &[Sample]) -> f64 {
    let points: Vec<(f64, f64)> = samples
        .iter()
        .map(|sample| (sample.at.as_secs_f64() / 60.0, float(sample.resident)))
        .collect();
    let count = float(u64::try_from(points.len()).unwrap_or_default());
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let alone: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    together / alone
}

/// Exact up to 2^53.
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_has_its_own_slope() {
        let sample = |second: u64, resident| Sample {
            at: Duration::from_secs(second),
            resident,
            descriptors: 0,
            threads: 0,
        };
        let growing: Vec<_> = (0..120).map(|second| sample(second, 9000 + 2 * second)).collect();
        assert!((slope(&growing) - 120.0).abs() < 1e-6);
        let flat: Vec<_> = (0..120).map(|second| sample(second, 9000 + second % 2)).collect();
        assert!(slope(&flat).abs() < 1.0);
    }
}
