//! `cargo xtask kernels`: the kernel program and the agent on other kernels than this machine's,
//! in virtual machines.

mod debian;
mod initramfs;
mod machine;
mod modules;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use debian::{KERNELS, Kernel};
use initramfs::Initramfs;
use machine::Outcome;

use crate::setup::{self, Purpose};
use crate::{static_build, workspace};

/// The modules that the checks need.
const MODULES: [&str; 3] = ["sch_ingress", "cls_bpf", "veth"];

/// The check of the agent itself.
const AGENT_CHECK: &str = include_str!("kernels/agent.sh");

/// A hello whose fingerprint is known, below the root; see tests/golden.
const HELLO: &str = "tests/golden/synthetic/readme_example.bin";
const HELLO_JA4: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";

/// Arguments of `cargo xtask kernels`.
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
    /// Use the processor's virtualisation: faster, but where this is a virtual machine itself it
    /// may hang
    #[arg(long)]
    kvm: bool,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

fn names() -> Vec<&'static str> {
    KERNELS.iter().map(|kernel| kernel.name).collect()
}

/// Boots each kernel, prints how its checks went, and fails when one did not pass.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Purpose::Kernels, arguments.yes)?;
    let programs = Programs(static_build::agent_and_tests("kernel_*")?);
    let mut failed = Vec::new();
    let wanted = |kernel: &&Kernel| {
        arguments.kernels.is_empty() || arguments.kernels.iter().any(|name| name == kernel.name)
    };
    for kernel in KERNELS.iter().filter(wanted) {
        let outcome = programs.try_on(kernel, arguments);
        match &outcome {
            Ok((release, outcome)) => print(release, outcome),
            Err(error) => println!("{:6} FAILED to start: {error:#}", kernel.name),
        }
        if !outcome.is_ok_and(|(_, outcome)| outcome.passed()) {
            failed.push(kernel.name);
        }
    }
    if !failed.is_empty() {
        bail!("failed on kernel {}", failed.join(", "));
    }
    Ok(())
}

/// Boots a whole system that lies in `folder`, on the oldest kernel. Its `/init` finds busybox,
/// the modules in `/modules`, a hello in `/hello` and its fingerprint in `/hello.ja4`, and reports
/// as `init.sh` does.
pub(crate) fn boot_system(folder: &Path) -> Result<(String, Outcome)> {
    let [oldest, ..] = &KERNELS;
    let unpacked = oldest.fetch(false)?;
    let modules = modules::load_order(&unpacked.modules, &MODULES)?;
    let machine = Initramfs::of_system(folder.to_owned(), &modules)?;
    with_hello(&machine)?;
    let archive = machine.pack()?;
    let outcome = machine::boot(&unpacked.image, &archive, "tcg")?;
    std::fs::remove_file(archive)?;
    Ok((unpacked.release, outcome))
}

fn with_hello(machine: &Initramfs) -> Result<()> {
    machine.copy(&workspace::root().join(HELLO), "hello")?;
    machine.file("hello.ja4", HELLO_JA4.as_bytes())
}

fn print(release: &str, outcome: &Outcome) {
    let verdict = if outcome.passed() { "passed" } else { "FAILED" };
    println!("{release}: {verdict} in {:.1} s", outcome.took.as_secs_f32());
    for (name, code) in &outcome.checks {
        match code {
            0 => println!("  {name}: passed"),
            code => println!("  {name}: FAILED with exit code {code}"),
        }
    }
    for line in outcome.console.lines().filter(|line| line.starts_with("test result: ")) {
        println!("  {line}");
    }
    if let Some(fault) = &outcome.fault {
        println!("  FAILED: {fault}");
    }
    if !outcome.passed() {
        println!("--- the console's last lines ---\n{}\n---", outcome.tail());
    }
}

/// What runs inside the machines.
struct Programs(static_build::Programs);

impl Programs {
    /// Boots `kernel` with everything in it; also returns the kernel's release.
    fn try_on(&self, kernel: &Kernel, arguments: &Arguments) -> Result<(String, Outcome)> {
        let unpacked = kernel.fetch(arguments.update)?;
        let modules = modules::load_order(&unpacked.modules, &MODULES)?;
        let machine = Initramfs::new(kernel.folder().join("initramfs"), &modules)?;
        for test in &self.0.tests {
            machine.copy(test, &format!("checks/{}", test_name(test)))?;
        }
        if let Some(object) = &arguments.object {
            machine.copy(object, "object")?;
        }
        machine.copy(&self.0.agent, "bin/ja4sentinel")?;
        with_hello(&machine)?;
        machine.program("checks/agent", AGENT_CHECK.as_bytes())?;
        let accelerator = if arguments.kvm { "kvm" } else { "tcg" };
        let outcome = machine::boot(&unpacked.image, &machine.pack()?, accelerator)?;
        Ok((unpacked.release, outcome))
    }
}

/// The name of a test program without the hash that cargo gives it.
fn test_name(program: &Path) -> String {
    let stem = program.file_name().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(stem.as_ref(), |(name, _)| name).to_owned()
}
