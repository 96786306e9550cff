//! How those rivals come about that are no package.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use ja4sentinel_tests::process::find_program;

use crate::{process, workspace};

/// A loop around libpcap that does nothing.
const LOOP: &str = include_str!("../../../rivals/loop.c");
/// Drivers of libraries. They lie outside of the workspace: what they depend on is none of ours.
const GOPACKET: &str = include_str!("../../../rivals/gopacket.go");
const HUGINN: &str = include_str!("../../../rivals/huginn.rs.txt");
pub(super) const HUGINN_MANIFEST: &str = include_str!("../../../rivals/huginn.toml");
/// Where they are when they are built, below the folder of the benchmarks.
pub(super) const LOOP_PROGRAM: &str = "loop";
pub(super) const GOPACKET_PROGRAM: &str = "gopacket";
pub(super) const HUGINN_PROGRAM: &str = "huginn/target/release/huginn";
/// Where Debian's packages of Go libraries put their sources.
const GOPATH: &str = "/usr/share/gocode";

/// Builds what is no package, below `folder`. A rival that cannot be had is named, and left out.
pub(in crate::bench) fn build(folder: &Path) -> Result<()> {
    bare_loop(folder)?;
    for (name, built) in [("huginn-net-tls", huginn(folder)), ("gopacket", gopacket(folder))] {
        if let Err(error) = built {
            eprintln!("bench: without {name}: {error:#}");
        }
    }
    Ok(())
}

fn bare_loop(folder: &Path) -> Result<()> {
    let (source, program) = (folder.join("loop.c"), folder.join(LOOP_PROGRAM));
    fs::write(&source, LOOP)?;
    let mut compiler = Command::new("cc");
    process::run(compiler.args(["-O2", "-o"]).args([&program, &source]).arg("-lpcap"))
}

fn gopacket(folder: &Path) -> Result<()> {
    let go = find_program("go").context("no Go compiler")?;
    let (source, program) = (folder.join("gopacket.go"), folder.join(GOPACKET_PROGRAM));
    fs::write(&source, GOPACKET)?;
    let mut compiler = Command::new(go);
    compiler.envs([("GO111MODULE", "off"), ("GOPATH", GOPATH), ("GOFLAGS", "")]);
    compiler.env("GOCACHE", folder.join("go-cache"));
    process::run(compiler.args(["build", "-o"]).args([&program, &source]))
}

fn huginn(folder: &Path) -> Result<()> {
    let folder = &folder.join("huginn");
    fs::create_dir_all(folder.join("src"))?;
    write_if_other(&folder.join("Cargo.toml"), HUGINN_MANIFEST)?;
    write_if_other(&folder.join("src/main.rs"), HUGINN)?;
    let mut cargo = workspace::cargo();
    cargo.current_dir(folder).args(["build", "--quiet", "--release"]);
    process::run(cargo.env("CARGO_TARGET_DIR", folder.join("target")))
}

/// Cargo looks at the time of a change.
fn write_if_other(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
