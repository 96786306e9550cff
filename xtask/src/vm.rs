//! `cargo xtask vm`: the kernel program and the agent on other kernels than this machine's, in virtual
//! machines.

mod initramfs;
mod kernel;
mod machine;
mod modules;
mod table;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use initramfs::{Initramfs, static_busybox};
use ja4sentinel_tests::known::{HELLO, HELLO_JA4};
use kernel::{KERNELS, Kernel, Unpacked};
use machine::{Carrier, Outcome};
use table::Row;

use crate::architecture::Architecture;
use crate::setup::{self, Purpose};
use crate::static_build;

/// The modules that the checks need.
const MODULES: [&str; 4] = ["sch_ingress", "cls_bpf", "veth", "8021q"];
/// Tunnels of the kernel whose own interfaces are watched.
const TUNNELS: [&str; 2] = ["ipip", "wireguard"];
/// What is built into other kernels, but not into Debian's user-mode Linux.
const USER_MODE_MODULE: &str = "ipv6";

/// The tests that are built for the machines.
const TESTS: [&str; 2] = ["kernel_*", "machine_*"];

/// Machines that run at the same time. Each emulates one processor.
const AT_ONCE: usize = 2;

/// Arguments of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Kernels to boot; all by default
    #[arg(value_name = "KERNEL", value_parser = names())]
    kernels: Vec<String>,
    /// Look for newer packages of kernels that are there already
    #[arg(long)]
    update: bool,
    /// Test this eBPF object instead of the one in the agent
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
    /// Use the processor's virtualisation where it works: faster, but where this is a virtual machine
    /// itself it often does not
    #[arg(long)]
    kvm: bool,
    /// The processor of the machines
    #[arg(long, value_enum, default_value_t = Architecture::HOST)]
    arch: Architecture,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

fn names() -> Vec<&'static str> {
    KERNELS.iter().map(|kernel| kernel.name).collect()
}

/// Boots each kernel, prints how its checks went, a row each in the end, and fails when one did not
/// pass.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let foreign = arguments.arch != Architecture::HOST;
    setup::ensure(if foreign { Purpose::VmForeign } else { Purpose::Vm }, arguments.yes)?;
    let kernels = chosen(arguments)?;
    let programs = static_build::agent_and_tests(arguments.arch, &TESTS)?;
    let busybox = kernel::busybox(arguments.arch)?;
    let machines = Machines { programs, busybox, arguments, fetching: Mutex::new(None) };
    let rows = machines.try_on_all(&kernels);
    print!("{}", table::text(&rows));
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed()).map(|row| row.name).collect();
    if !failed.is_empty() {
        bail!("failed on kernel {}", failed.join(", "));
    }
    Ok(())
}

/// The kernels to boot.
fn chosen(arguments: &Arguments) -> Result<Vec<&'static Kernel>> {
    let names = &arguments.kernels;
    let (there, other): (Vec<&Kernel>, Vec<_>) = KERNELS
        .iter()
        .filter(|kernel| names.is_empty() || names.iter().any(|name| name == kernel.name))
        .partition(|kernel| kernel.is_for(arguments.arch));
    match other.first() {
        Some(kernel) if !names.is_empty() => {
            bail!("kernel {} is not to be had for {}", kernel.name, arguments.arch.debian())
        }
        _ => Ok(there),
    }
}

/// Boots a whole system that lies in `folder`, on the oldest kernel that Debian's packages are for. Its
/// `/init` finds busybox, the modules in `/modules`, a hello in `/hello` and its fingerprint in
/// `/hello.ja4`, and reports as `init.sh` does.
pub(crate) fn boot_system(folder: &Path) -> Result<(String, Outcome)> {
    let unpacked = kernel::oldest_debian().fetch(Architecture::HOST, false)?;
    let modules = modules::load_order(&unpacked.modules, &MODULES)?;
    let machine = Initramfs::of_system(folder.to_owned(), &static_busybox()?, &modules)?;
    machine.file("hello", HELLO)?;
    machine.file("hello.ja4", HELLO_JA4.as_bytes())?;
    let archive = machine.pack()?;
    let outcome =
        machine::boot(&unpacked.image, &archive, "", Carrier::Emulator(Architecture::HOST))?;
    std::fs::remove_file(archive)?;
    Ok((unpacked.release, outcome))
}

/// The machines, and what runs inside.
struct Machines<'a> {
    programs: static_build::Programs,
    busybox: PathBuf,
    arguments: &'a Arguments,
    /// Held by who downloads, as kernels share what they are from; and what carries the machines, which
    /// is found out with the first kernel.
    fetching: Mutex<Option<Carrier>>,
}

impl Machines<'_> {
    /// Boots all of them, a few at a time, and tells of each when it is done; gives their rows in order.
    fn try_on_all(&self, kernels: &[&Kernel]) -> Vec<Row> {
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some((at, kernel)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        kernels.get(at).map(|kernel| (at, kernel))
                    } {
                        let row = Row::new(kernel, self.try_on(kernel));
                        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                        row.tell();
                        rows.push((at, row));
                    }
                });
            }
        });
        let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.sort_by_key(|(at, _)| *at);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Boots `kernel` with everything in it; also returns the kernel's release.
    fn try_on(&self, kernel: &Kernel) -> Result<(String, Outcome)> {
        let (unpacked, carrier) = self.fetch(kernel)?;
        let mut modules = MODULES.to_vec();
        modules.extend(kernel.user_mode.then_some(USER_MODE_MODULE));
        let tunnels = tunnels(kernel, &unpacked)?;
        modules.extend(&tunnels);
        let modules = modules::load_order(&unpacked.modules, &modules)?;
        let folder = kernel.folder(self.arguments.arch).join("initramfs");
        let machine = Initramfs::new(folder, &self.busybox, &modules)?;
        for wanted in kernel.tests {
            let program = self.programs.tests.iter().find(|test| test_name(test) == *wanted);
            let program = program.with_context(|| format!("cargo built no {wanted}"))?;
            machine.copy(program, &format!("checks/{wanted}"))?;
        }
        if let Some(object) = &self.arguments.object {
            machine.copy(object, "object")?;
        }
        if let Some(lacks) = kernel.lacks {
            machine.file("lacks", lacks.as_bytes())?;
        }
        machine.file("tunnels", tunnels.join(" ").as_bytes())?;
        // Where the tests look for what cargo built beside them.
        machine.copy(&self.programs.agent, "ja4sentinel")?;
        let archive = machine.pack()?;
        let outcome = machine::boot(&unpacked.image, &archive, kernel.options, carrier)?;
        Ok((unpacked.release, outcome))
    }

    /// Gets a kernel, and what carries it.
    fn fetch(&self, kernel: &Kernel) -> Result<(Unpacked, Carrier)> {
        let mut known = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let unpacked = kernel.fetch(self.arguments.arch, self.arguments.update)?;
        let carrier = match *known {
            _ if kernel.user_mode => return Ok((unpacked, Carrier::UserMode)),
            Some(carrier) => carrier,
            None if !self.arguments.kvm => Carrier::Emulator(self.arguments.arch),
            None if self.arguments.arch == Architecture::HOST
                && machine::kvm_works(&unpacked.image)? =>
            {
                Carrier::Kvm
            }
            None => {
                println!("KVM is not there, or does not work: the machines are emulated");
                Carrier::Emulator(self.arguments.arch)
            }
        };
        *known = Some(carrier);
        Ok((unpacked, carrier))
    }
}

/// The tunnels that a kernel has: all, but those that are known to be missing.
fn tunnels(kernel: &Kernel, unpacked: &Unpacked) -> Result<Vec<&'static str>> {
    let (missing, there): (Vec<_>, Vec<_>) =
        TUNNELS.into_iter().partition(|tunnel| kernel.without.contains(tunnel));
    for tunnel in missing {
        if modules::load_order(&unpacked.modules, &[tunnel]).is_ok() {
            bail!("kernel {} has {tunnel} after all", kernel.name);
        }
    }
    Ok(there)
}

/// The name of a test program without the hash that cargo gives it.
fn test_name(program: &Path) -> String {
    let stem = program.file_name().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(stem.as_ref(), |(name, _)| name).to_owned()
}
