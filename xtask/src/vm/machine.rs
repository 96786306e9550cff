//! A virtual machine: boots a kernel with an initramfs, and reads what the checks report.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ja4sentinel_tests::interrupt;
use ja4sentinel_tests::process::{
    Finished, Process, descendants, find_program, signal, wait_until,
};

use crate::architecture::Architecture;

/// A machine boots and runs its checks in seconds; emulated on a busy host it may take minutes, for
/// the kernels' verifiers above all.
const DEADLINE: Duration = Duration::from_secs(1200);

/// Megabytes: enough for a small system of Debian, packed and unpacked.
const MEMORY: &str = "1024";

/// How long the last of a console's output may be on its way.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Lines of the console to show when something failed.
const TAIL: usize = 60;

/// A kernel that runs natively is through in two seconds.
const KVM_PROBE: Duration = Duration::from_secs(15);

/// The machines that run at the moment, by their process, for the clean-up after a signal. Held while one
/// is started, so that a signal misses none.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// What the tests found out, beside whether they passed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Whether the kernel has type information of itself.
    pub(crate) btf: Option<String>,
    /// How the classifier was attached.
    pub(crate) attached: Option<String>,
    /// Instructions that the verifier looked at, by program.
    pub(crate) verified: Vec<(String, String)>,
    /// Which tunnels were watched, and which this kernel has not.
    pub(crate) tunnels: Vec<String>,
    /// The agent's ledgers, by backend and interface.
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
    /// QEMU's own emulation, which every machine can do, of this processor.
    Emulator(Architecture),
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
        Carrier::Emulator(_) | Carrier::Kvm => {
            command.arg("-initrd").arg(initramfs).arg("-append");
            command.arg(format!("{} {options}", command_line(carrier)));
        }
    }

    let begun = Instant::now();
    let (ended, done) = run(&mut command, DEADLINE)?;

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

/// Runs a machine until it ends, or the time is up, and gives whether it ended by itself.
fn run(command: &mut Command, deadline: Duration) -> Result<(bool, Finished)> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut machine = Process::spawn(command)?;
    let id = machine.id();
    running.insert(id);
    drop(running);
    let ended = wait_until(deadline, || !machine.is_running());
    let done = machine.finish(LAST_WORDS);
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    Ok((ended, done))
}

/// The beginning of a machine's command, with a console on its standard output and nothing else. A
/// signal to this process ends the machine.
fn command(image: &Path, carrier: Carrier) -> Result<Command> {
    interrupt::clean_up_and_exit(|| {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        // User-mode Linux is several processes.
        let processes = running.iter().flat_map(|id| [vec![*id], descendants(*id)].concat());
        processes.for_each(|id| signal(id, libc::SIGKILL));
        // This process ends now, and starts no other.
        std::mem::forget(running);
    })?;
    let (accelerator, architecture) = match carrier {
        Carrier::Emulator(architecture) => ("tcg", architecture),
        Carrier::Kvm => ("kvm", Architecture::HOST),
        Carrier::UserMode => {
            let mut command = Command::new(image);
            command.args([&format!("mem={MEMORY}M"), "loglevel=4", "panic=-1"]);
            command.args(["con0=null,fd:1", "con=null", "ssl=null"]);
            // Where it keeps its socket.
            command.env("HOME", image.parent().unwrap_or(Path::new("/")));
            return Ok(command);
        }
    };
    let (name, machine) = architecture.emulator();
    let program = find_program(name).with_context(|| format!("{name} is missing"))?;
    let mut command = Command::new(program);
    command.args(machine);
    command.args(["-accel", accelerator, "-m", MEMORY, "-nodefaults", "-no-reboot"]);
    command.args(["-display", "none", "-serial", "stdio", "-monitor", "none"]);
    command.arg("-kernel").arg(image);
    Ok(command)
}

/// The beginning of a kernel's command line: where it writes to, and that a panic is the end; without
/// that, -no-reboot would never come into play.
fn command_line(carrier: Carrier) -> String {
    let architecture = match carrier {
        Carrier::Emulator(architecture) => architecture,
        Carrier::Kvm | Carrier::UserMode => Architecture::HOST,
    };
    format!("console={} loglevel=4 panic=-1", architecture.console())
}

/// Whether the processor's virtualisation is there and carries a machine to the point where the kernel
/// misses its first process, which ends the machine.
pub(crate) fn kvm_works(image: &Path) -> Result<bool> {
    if !Path::new("/dev/kvm").exists() {
        return Ok(false);
    }
    let mut command = command(image, Carrier::Kvm)?;
    let (ended, done) = run(command.args(["-append", &command_line(Carrier::Kvm)]), KVM_PROBE)?;
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
            ["tunnel", words @ ..] => found.tunnels.push(words.join(" ")),
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
             @tunnel ipip (ebpf, pcap)\n@tunnel no wireguard\n@ledger pcap: 2 connections = 2 fingerprinted\n@check b 101\n@done\n",
        );
        assert_eq!(report.checks, [("a".to_owned(), 0), ("b".to_owned(), 101)]);
        assert_eq!(report.fault, None);
        let found = report.findings;
        assert_eq!(found.attached.unwrap(), "tcx");
        assert_eq!(found.verified, [("eth".to_owned(), "12".to_owned())]);
        assert_eq!(found.tunnels, ["ipip (ebpf, pcap)", "no wireguard"]);
        let ledger = "2 connections = 2 fingerprinted".to_owned();
        assert_eq!(found.ledgers, [("pcap".to_owned(), ledger)]);
    }

    #[test]
    fn a_machine_that_stops_early_has_failed() {
        assert!(read("@check a 0\nKernel panic\n").fault.is_some());
        assert_eq!(read("@module veth failed\n@done\n").fault.unwrap(), "module veth failed");
    }
}
