//! A virtual machine: boots a kernel with an initramfs, and reads what the checks report.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ja4sentinel_tests::interrupt;
use ja4sentinel_tests::process::{Process, find_program, signal, wait_until};

/// A machine boots and runs its checks in seconds; emulated on a busy host it may take minutes, for
/// the kernels' verifiers above all.
const DEADLINE: Duration = Duration::from_secs(600);

/// Megabytes: enough for a small system of Debian, packed and unpacked.
const MEMORY: &str = "1024";

/// Lines of the console to show when something failed.
const TAIL: usize = 60;

/// The machine that runs at the moment, for the clean-up after a signal; 0 for none.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// How a machine's run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Each check's name and exit code, in the order in which they ran.
    pub(crate) checks: Vec<(String, i32)>,
    /// What went wrong beside the checks' own results.
    pub(crate) fault: Option<String>,
    /// Everything that the console showed.
    pub(crate) console: String,
    pub(crate) took: Duration,
}

impl Outcome {
    /// Whether everything ran to its end and every check passed.
    pub(crate) fn passed(&self) -> bool {
        self.fault.is_none() && self.checks.iter().all(|(_, code)| *code == 0)
    }

    /// The console's last lines.
    pub(crate) fn tail(&self) -> String {
        let lines: Vec<&str> = self.console.lines().collect();
        lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
    }
}

/// Boots `image` with `initramfs` on one of QEMU's accelerators (`tcg`, `kvm`) and waits until it powers off, or the time is up.
pub(crate) fn boot(image: &Path, initramfs: &Path, accelerator: &str) -> Result<Outcome> {
    interrupt::clean_up_and_exit(|| match RUNNING.load(Ordering::SeqCst) {
        0 => {}
        id => signal(id, libc::SIGKILL),
    })?;
    let program = find_program("qemu-system-x86_64")
        .context("qemu-system-x86_64 is missing: install qemu-system-x86")?;
    let mut qemu = Command::new(program);
    qemu.args([
        "-accel",
        accelerator,
        "-m",
        MEMORY,
        "-nodefaults",
        "-no-reboot",
        "-display",
        "none",
    ]);
    qemu.args(["-serial", "stdio", "-monitor", "none"]);
    qemu.arg("-kernel").arg(image).arg("-initrd").arg(initramfs);
    // A panic ends the machine at once; without it, -no-reboot would never come into play.
    qemu.args(["-append", "console=ttyS0 loglevel=4 panic=-1"]);

    let begun = Instant::now();
    let mut machine = Process::spawn(&mut qemu)?;
    RUNNING.store(machine.id(), Ordering::SeqCst);
    let ended = wait_until(DEADLINE, || !machine.is_running());
    let done = machine.finish(Duration::from_secs(5));
    RUNNING.store(0, Ordering::SeqCst);

    let console = done.stdout.replace('\r', "");
    let (checks, fault) = read(&console);
    let fault = if !ended {
        Some(format!("still running after {} s", DEADLINE.as_secs()))
    } else if !done.success() {
        Some(format!("QEMU failed: {}", done.stderr.trim()))
    } else {
        fault
    };
    Ok(Outcome { checks, fault, console, took: begun.elapsed() })
}

/// The first process's reports: `@check NAME CODE`, `@done` at the end, anything else is a fault.
fn read(console: &str) -> (Vec<(String, i32)>, Option<String>) {
    let mut checks = Vec::new();
    let mut fault = Some("it ended before the checks were through".to_owned());
    for line in console.lines().filter_map(|line| line.strip_prefix('@')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["check", name, code] if code.parse::<i32>().is_ok() => {
                checks.push(((*name).to_owned(), code.parse().unwrap_or(-1)));
            }
            ["done"] => fault = None,
            _ => return (checks, Some(line.to_owned())),
        }
    }
    (checks, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read_to_its_end() {
        let (checks, fault) = read("booting\n@check a 0\nnoise\n@check b 101\n@done\n");
        assert_eq!(checks, [("a".to_owned(), 0), ("b".to_owned(), 101)]);
        assert_eq!(fault, None);
    }

    #[test]
    fn a_machine_that_stops_early_has_failed() {
        assert!(read("@check a 0\nKernel panic\n").1.is_some());
        assert_eq!(read("@module veth failed\n@done\n").1.unwrap(), "module veth failed");
    }
}
