//! `cargo xtask vm`: the kernel program and the agent on other kernels than this machine's, in virtual
//! machines.

mod initramfs;
mod kernel;
mod machine;
mod modules;
mod table;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use initramfs::Initramfs;
use ja4sentinel_tests::known::{HELLO, HELLO_JA4};
use kernel::{KERNELS, Kernel};
use machine::{Carrier, Outcome};
use table::Row;

use crate::setup::{self, Purpose};
use crate::static_build;

/// The modules that the checks need.
const MODULES: [&str; 5] = ["sch_ingress", "cls_bpf", "veth", "8021q", "ipv6"];

/// The tests that are built for the machines.
const TESTS: [&str; 2] = ["kernel_*", "machine_*"];

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
    setup::ensure(Purpose::Vm, arguments.yes)?;
    let programs = static_build::agent_and_tests(&TESTS)?;
    let chosen = |kernel: &&Kernel| {
        arguments.kernels.is_empty() || arguments.kernels.iter().any(|name| name == kernel.name)
    };
    let mut machines = Machines { programs, arguments, carrier: None };
    let mut rows = Vec::new();
    for kernel in KERNELS.iter().filter(chosen) {
        let row = Row::new(kernel, machines.try_on(kernel));
        row.tell();
        rows.push(row);
    }
    print!("{}", table::text(&rows));
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed()).map(|row| row.name).collect();
    if !failed.is_empty() {
        bail!("failed on kernel {}", failed.join(", "));
    }
    Ok(())
}

/// Boots a whole system that lies in `folder`, on the oldest kernel that Debian's packages are for. Its
/// `/init` finds busybox, the modules in `/modules`, a hello in `/hello` and its fingerprint in
/// `/hello.ja4`, and reports as `init.sh` does.
pub(crate) fn boot_system(folder: &Path) -> Result<(String, Outcome)> {
    let unpacked = kernel::oldest_debian().fetch(false)?;
    let modules = modules::load_order(&unpacked.modules, &MODULES)?;
    let machine = Initramfs::of_system(folder.to_owned(), &modules)?;
    machine.file("hello", HELLO)?;
    machine.file("hello.ja4", HELLO_JA4.as_bytes())?;
    let archive = machine.pack()?;
    let outcome = machine::boot(&unpacked.image, &archive, "", Carrier::Emulator)?;
    std::fs::remove_file(archive)?;
    Ok((unpacked.release, outcome))
}

/// The machines, and what runs inside.
struct Machines<'a> {
    programs: static_build::Programs,
    arguments: &'a Arguments,
    /// Found out when it is first asked for.
    carrier: Option<Carrier>,
}

impl Machines<'_> {
    /// Boots `kernel` with everything in it; also returns the kernel's release.
    fn try_on(&mut self, kernel: &Kernel) -> Result<(String, Outcome)> {
        let unpacked = kernel.fetch(self.arguments.update)?;
        let modules = modules::load_order(&unpacked.modules, &MODULES)?;
        let machine = Initramfs::new(kernel.folder().join("initramfs"), &modules)?;
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
        // Where the tests look for what cargo built beside them.
        machine.copy(&self.programs.agent, "ja4sentinel")?;
        let carrier = match kernel.user_mode {
            true => Carrier::UserMode,
            false => self.carrier(&unpacked.image)?,
        };
        let archive = machine.pack()?;
        let outcome = machine::boot(&unpacked.image, &archive, kernel.options, carrier)?;
        Ok((unpacked.release, outcome))
    }

    fn carrier(&mut self, image: &Path) -> Result<Carrier> {
        if let Some(known) = self.carrier {
            return Ok(known);
        }
        let chosen = match self.arguments.kvm {
            true if machine::kvm_works(image)? => Carrier::Kvm,
            true => {
                println!("KVM is not there, or does not work: the machines are emulated");
                Carrier::Emulator
            }
            false => Carrier::Emulator,
        };
        Ok(*self.carrier.insert(chosen))
    }
}

/// The name of a test program without the hash that cargo gives it.
fn test_name(program: &Path) -> String {
    let stem = program.file_name().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(stem.as_ref(), |(name, _)| name).to_owned()
}
