//! Getting what the eBPF toolchain lacks, on systems with Debian's packages.

use anyhow::{Context, Result};

use super::rust::Rust;
use super::toolchain::Linker;
use crate::process;
use crate::setup::Manager;

/// Debian's compiler for programs that follow Rust closely, and the sources that belong to it.
const COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// What [`carry_out`] does, for people.
pub(crate) fn description() -> Vec<String> {
    let mut lines = Vec::new();
    let rust = complete_rust();
    if rust.is_none() {
        lines.push(format!("apt-get install {}", COMPILER.join(" ")));
    }
    if Linker::find().is_none() {
        let llvm = rust.and_then(|rust| rust.version().ok());
        let llvm = llvm.as_ref().map_or("<of that rustc>", |version| version.llvm_major());
        lines.push(format!("apt-get install llvm-{llvm}-dev"));
        lines.push(process::line(&Linker::install_command(llvm)));
    }
    lines
}

/// Installs the compiler unless one is complete, then the LLVM that it has, then bpf-linker.
pub(crate) fn carry_out(manager: Manager) -> Result<()> {
    if complete_rust().is_none() {
        manager.install(&COMPILER)?;
    }
    if Linker::find().is_none() {
        let rust = complete_rust().context("Debian's compiler is incomplete or too old")?;
        let version = rust.version()?;
        let llvm = version.llvm_major();
        manager.install(&[&format!("llvm-{llvm}-dev")])?;
        process::run(&mut Linker::install_command(llvm))?;
    }
    Ok(())
}

fn complete_rust() -> Option<Rust> {
    Rust::ALL.into_iter().find(|rust| rust.is_complete())
}
