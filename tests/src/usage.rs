//! What processes take of the machine: time on the processors, and memory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// What a process took that has ended, with those of its children that it waited for.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// How it ended.
    pub status: ExitStatus,
    /// From its start to its end.
    pub wall: Duration,
    /// Time on the processors, its own and the kernel's for it.
    pub cpu: Duration,
    /// The most memory it held at once, bytes. Not below what this process holds when it starts
    /// the other, so it should be small.
    pub peak: u64,
}

/// Runs a command to its end.
pub fn of(command: &mut Command) -> Result<Usage> {
    let begun = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let process = libc::pid_t::try_from(child.id())?;
    let mut status = 0;
    // SAFETY: all zeros are a valid `rusage`.
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that outlive the call; the child is ours, and nobody else
    // waits for it.
    let ended = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut used) };
    ensure!(ended == process, "wait4: {}", std::io::Error::last_os_error());
    Ok(Usage {
        status: ExitStatus::from_raw(status),
        wall: begun.elapsed(),
        cpu: time(used.ru_utime) + time(used.ru_stime),
        peak: u64::try_from(used.ru_maxrss).unwrap_or_default() * 1024,
    })
}

fn time(value: libc::timeval) -> Duration {
    let micros = value.tv_sec.saturating_mul(1_000_000).saturating_add(value.tv_usec);
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// Time that the running threads of a process have had on the processors up to now. The kernel
/// keeps it in nanoseconds here, in ticks of 10 ms elsewhere.
pub fn cpu(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let times = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum::<u64>())
}

/// Time that the kernel's threads for soft interrupts have had, on all processors: what is left to
/// them when packets come faster than those who cause them may deal with them.
pub fn soft_interrupts() -> Duration {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let name = |process: &u32| fs::read_to_string(format!("/proc/{process}/comm"));
    let threads =
        numbers.filter(|process| name(process).is_ok_and(|name| name.starts_with("ksoftirqd/")));
    threads.map(cpu).sum()
}

/// Memory that a running process holds, and the most that it held, bytes.
pub fn memory(process: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    };
    (value("VmRSS:"), value("VmHWM:"))
}

/// Time that the kernel spent in the BPF programs which a process holds. It counts while statistics
/// are on: [`crate::bpf_cost::statistics`].
pub fn bpf(process: u32) -> Duration {
    let open = fs::read_dir(format!("/proc/{process}/fdinfo")).into_iter().flatten().flatten();
    // A program may be held by more than one descriptor.
    let times: BTreeMap<u64, u64> = open
        .filter_map(|file| {
            let text = fs::read_to_string(file.path()).ok()?;
            let value = |name: &str| {
                text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok())
            };
            Some((value("prog_id:")?, value("run_time_ns:")?))
        })
        .collect();
    Duration::from_nanos(times.values().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_of_a_process_that_ended() {
        let script = "x=$(head -c 30000000 /dev/zero | tr '\\0' a); for i in 1 2 3; do :; done";
        let used = of(Command::new("sh").args(["-c", script])).unwrap();
        assert!(used.status.success());
        assert!(used.peak > 30_000_000, "{used:?}");
        assert!(used.cpu > Duration::from_millis(5) && used.wall >= Duration::from_millis(5));
        assert_eq!(of(&mut Command::new("false")).unwrap().status.code(), Some(1));
    }

    #[test]
    fn work_and_memory_of_this_process() {
        let before = cpu(std::process::id());
        let end = Instant::now() + Duration::from_millis(30);
        while Instant::now() < end {}
        assert!(cpu(std::process::id()) > before);
        let (now, most) = memory(std::process::id());
        assert!(now > 100_000 && most >= now);
    }
}
