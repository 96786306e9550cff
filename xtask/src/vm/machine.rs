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

/// The beginning of a command line: where the kernel writes to, and that a panic is the end; without
/// that, -no-reboot would never come into play.
const CONSOLE: &str = "console=ttyS0 loglevel=4 panic=-1";

/// Lines of the console to show when something failed.
const TAIL: usize = 60;

/// A kernel that runs natively is through in two seconds.
const KVM_PROBE: Duration = Duration::from_secs(15);

/// The machine that runs at the moment, for the clean-up after a signal; 0 for none.
static RUNNING: AtomicU32 = AtomicU32::new(0);

/// What the tests found out, beside whether they passed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Whether the kernel has type information of itself.
    pub(crate) btf: Option<String>,
    /// How the classifier was attached.
    pub(crate) attached: Option<String>,
    /// Instructions that the verifier looked at, by program.
    pub(crate) verified: Vec<(String, String)>,
    /// The agent's ledgers, by backend.
    pub(crate) ledgers: Vec<(String, String)>,
}

/// How a machine's run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) findings: Findings,
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

/// What carries a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// QEMU's own emulation, which every machine can do.
    Emulator,
    /// QEMU with the processor's virtualisation.
    Kvm,
    /// This machine's own kernel: the booted one is a program (user-mode Linux).
    UserMode,
}

/// Boots `image` with `initramfs` and these `options` at the end of its command line, and waits until
/// it powers off, or the time is up.
pub(crate) fn boot(
    image: &Path,
    initramfs: &Path,
    options: &str,
    carrier: Carrier,
) -> Result<Outcome> {
    let mut command = command(image, carrier)?;
    match carrier {
        Carrier::UserMode => {
            command.arg(format!("initrd={}", initramfs.display())).args(options.split_whitespace());
        }
        Carrier::Emulator | Carrier::Kvm => {
            command.arg("-initrd").arg(initramfs).arg("-append");
            command.arg(format!("{CONSOLE} {options}"));
        }
    }

    let begun = Instant::now();
    let mut machine = Process::spawn(&mut command)?;
    RUNNING.store(machine.id(), Ordering::SeqCst);
    let ended = wait_until(DEADLINE, || !machine.is_running());
    let done = machine.finish(Duration::from_secs(5));
    RUNNING.store(0, Ordering::SeqCst);

    let console = done.stdout.replace('\r', "");
    let Report { checks, findings, fault } = read(&console);
    let fault = if !ended {
        Some(format!("still running after {} s", DEADLINE.as_secs()))
    } else if !done.success() {
        Some(format!("the machine failed: {}", done.stderr.trim()))
    } else {
        fault
    };
    Ok(Outcome { findings, checks, fault, console, took: begun.elapsed() })
}

/// The beginning of a machine's command, with a console on its standard output and nothing else. A
/// signal to this process ends the machine.
fn command(image: &Path, carrier: Carrier) -> Result<Command> {
    interrupt::clean_up_and_exit(|| match RUNNING.load(Ordering::SeqCst) {
        0 => {}
        id => signal(id, libc::SIGKILL),
    })?;
    let accelerator = match carrier {
        Carrier::Emulator => "tcg",
        Carrier::Kvm => "kvm",
        Carrier::UserMode => {
            let mut command = Command::new(image);
            command.args([&format!("mem={MEMORY}M"), "loglevel=4", "panic=-1"]);
            command.args(["con0=null,fd:1", "con=null", "ssl=null"]);
            // Where it keeps its socket.
            command.env("HOME", image.parent().unwrap_or(Path::new("/")));
            return Ok(command);
        }
    };
    let program = find_program("qemu-system-x86_64")
        .context("qemu-system-x86_64 is missing: install qemu-system-x86")?;
    let mut command = Command::new(program);
    command.args(["-accel", accelerator, "-m", MEMORY, "-nodefaults", "-no-reboot"]);
    command.args(["-display", "none", "-serial", "stdio", "-monitor", "none"]);
    command.arg("-kernel").arg(image);
    Ok(command)
}

/// Whether the processor's virtualisation is there and carries a machine to the point where the kernel
/// misses its first process, which ends the machine.
pub(crate) fn kvm_works(image: &Path) -> Result<bool> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    let mut command = command(image, Carrier::Kvm)?;
    let mut machine = Process::spawn(command.args(["-append", CONSOLE]))?;
    RUNNING.store(machine.id(), Ordering::SeqCst);
    let ended = wait_until(KVM_PROBE, || !machine.is_running());
    let done = machine.finish(Duration::ZERO);
    RUNNING.store(0, Ordering::SeqCst);
    Ok(ended && done.stdout.contains("Kernel panic"))
}

/// What the machine reported.
struct Report {
    checks: Vec<(String, i32)>,
    findings: Findings,
    fault: Option<String>,
}

/// The first process's reports: `@check NAME CODE`, `@done` at the end; what tests found out; anything
/// else is a fault.
fn read(console: &str) -> Report {
    let mut report = Report {
        checks: Vec::new(),
        findings: Findings::default(),
        fault: Some("it ended before the checks were through".to_owned()),
    };
    for line in console.lines().filter_map(|line| line.strip_prefix('@')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let found = &mut report.findings;
        match words.as_slice() {
            ["check", name, code] if code.parse::<i32>().is_ok() => {
                report.checks.push(((*name).to_owned(), code.parse().unwrap_or(-1)));
            }
            ["btf", there] => found.btf = Some((*there).to_owned()),
            ["attached", how] => found.attached = Some((*how).to_owned()),
            ["verified", program, count] => {
                found.verified.push(((*program).to_owned(), (*count).to_owned()));
            }
            ["ledger", backend, rest @ ..] => {
                let backend = backend.trim_end_matches(':').to_owned();
                found.ledgers.push((backend, rest.join(" ")));
            }
            ["done"] => report.fault = None,
            _ => {
                report.fault = Some(line.to_owned());
                break;
            }
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read_to_its_end() {
        let report = read(
            "booting\n@check a 0\nnoise\n@attached tcx\n@verified eth 12\n\
             @ledger pcap: 2 connections = 2 fingerprinted\n@check b 101\n@done\n",
        );
        assert_eq!(report.checks, [("a".to_owned(), 0), ("b".to_owned(), 101)]);
        assert_eq!(report.fault, None);
        let found = report.findings;
        assert_eq!(found.attached.unwrap(), "tcx");
        assert_eq!(found.verified, [("eth".to_owned(), "12".to_owned())]);
        let ledger = "2 connections = 2 fingerprinted".to_owned();
        assert_eq!(found.ledgers, [("pcap".to_owned(), ledger)]);
    }

    #[test]
    fn a_machine_that_stops_early_has_failed() {
        assert!(read("@check a 0\nKernel panic\n").fault.is_some());
        assert_eq!(read("@module veth failed\n@done\n").fault.unwrap(), "module veth failed");
    }
}
