//! What the kernel says about this process, proc(5).

use std::fs;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Figures of this process; what cannot be read is `None`.
#[derive(Debug)]
pub(super) struct Process {
    /// Processor time, user and system together.
    pub(super) cpu_seconds: Option<f64>,
    /// Memory in RAM.
    pub(super) resident_bytes: Option<u64>,
    /// Open file descriptors.
    pub(super) open_files: Option<usize>,
    /// Start, since the UNIX epoch.
    pub(super) started_seconds: Option<f64>,
}

/// What the kernel counts time in for user space, on every architecture that we run on (USER_HZ).
const HERTZ: f64 = 100.0;

// Fields of /proc/self/stat, counted from 0 behind the name in parentheses.
const UTIME: usize = 11;
const STIME: usize = 12;
const STARTTIME: usize = 19;

impl Process {
    pub(super) fn now() -> Self {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or(Vec::new(), |(_, rest)| rest.split_whitespace().collect());
        let seconds = |field: usize| Some(fields.get(field)?.parse::<f64>().ok()? / HERTZ);
        let kibibytes = field_of("/proc/self/status", "VmRSS:");
        Self {
            cpu_seconds: seconds(UTIME).zip(seconds(STIME)).map(|(user, system)| user + system),
            resident_bytes: kibibytes.and_then(|text| text.parse::<u64>().ok()).map(|n| n * 1024),
            open_files: fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
            started_seconds: seconds(STARTTIME).zip(booted()).map(|(after, boot)| boot + after),
        }
    }
}

/// When the kernel started, seconds since the UNIX epoch: /proc/stat says it too, but the service
/// unit hides all of /proc but processes.
fn booted() -> Option<f64> {
    let seconds = |clock| clock_gettime(clock).map(|time| Duration::from(time).as_secs_f64()).ok();
    Some(seconds(ClockId::CLOCK_REALTIME)? - seconds(ClockId::CLOCK_BOOTTIME)?)
}

/// The first word behind `name` at the beginning of a line.
fn field_of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn this_process_has_plausible_figures() {
        let process = Process::now();
        assert!(process.cpu_seconds.unwrap() < 3600.0);
        assert!((1 << 16..1 << 40).contains(&process.resident_bytes.unwrap()));
        assert!((3..100_000).contains(&process.open_files.unwrap()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - process.started_seconds.unwrap();
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
