//! Rust's standard library for another processor than this machine's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use ja4sentinel_tests::process::find_program;

use crate::apt::{Apt, Kind};
use crate::architecture::Architecture;
use crate::setup::Manager;
use crate::{process, workspace};

/// Debian's compiler for programs that follow Rust closely.
const COMPILER: &str = "rustc-web";
/// Where it is.
const COMPILER_PATH: &str = "/usr/bin/rustc";
/// The library that belongs to it. Packages for one processor serve compilers on another, when both
/// are of the same version.
const LIBRARY: &str = "libstd-rust-web-dev";

/// Below the folder of what is downloaded: the library, and a file that tells its version.
const SYSROOT: &str = "usr";
const MARK: &str = "version";

/// What tells which Debian this is.
const RELEASE: &str = "/etc/os-release";

/// Whether cargo's compiler has the library, or Debian's, as [`add`] gets it.
pub(crate) fn is_there(architecture: Architecture) -> bool {
    let downloaded = |version: String| sysroot(architecture, &version).is_some();
    has_it(architecture).unwrap_or(false) || installed_version().is_ok_and(downloaded)
}

/// What [`add`] does, for people.
pub(crate) fn description(architecture: Architecture) -> String {
    let (to, debian) = (folder(architecture), architecture.debian());
    let other = format!("apt-get install {COMPILER}, {LIBRARY}:{debian} into {}", to.display());
    match find_program("rustup") {
        Some(_) => format!("{} (where that fails: {other})", process::line(&rustup(architecture))),
        None => other,
    }
}

/// Lets rustup get the library; where it cannot, installs Debian's compiler and gets what belongs to it.
pub(crate) fn add(architecture: Architecture, manager: Option<Manager>) -> Result<()> {
    if find_program("rustup").is_some() {
        match process::run(&mut rustup(architecture)) {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("set-up: {error:#}: goes on with Debian's compiler"),
        }
    }
    match (manager, installed_version()) {
        (_, Ok(_)) => {}
        (Some(manager @ Manager::Apt), Err(_)) => manager.install(&[COMPILER])?,
        _ => bail!("get a compiler with a library for {}", architecture.target()),
    }
    debian(architecture).map(drop)
}

/// Gives cargo the compiler that has the library, and the flags by which it finds it.
pub(super) fn provide(architecture: Architecture, cargo: &mut Command) -> Result<Vec<String>> {
    if has_it(architecture)? {
        return Ok(Vec::new());
    }
    let sysroot = debian(architecture)?;
    cargo.env("RUSTC", COMPILER_PATH);
    Ok(vec![format!("--sysroot={}", sysroot.display())])
}

fn rustup(architecture: Architecture) -> Command {
    let mut command = Command::new("rustup");
    command.args(["target", "add", architecture.target()]);
    command
}

/// Whether cargo's compiler has the library.
fn has_it(architecture: Architecture) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut rustc = Command::new(rustc);
    rustc.args(["--print", "target-libdir", "--target", architecture.target()]);
    Ok(Path::new(process::output(&mut rustc)?.trim()).is_dir())
}

/// The version of Debian's compiler, when it is installed.
fn installed_version() -> Result<String> {
    let mut query = Command::new("dpkg-query");
    process::output(query.args(["--show", "--showformat=${Version}", COMPILER]))
}

/// Where Debian's library is put.
fn folder(architecture: Architecture) -> PathBuf {
    workspace::target().join(format!("static/library-{}", architecture.debian()))
}

/// The folder that holds Debian's library, when this version was downloaded.
fn sysroot(architecture: Architecture, version: &str) -> Option<PathBuf> {
    let folder = folder(architecture);
    let there = std::fs::read_to_string(folder.join(MARK)).ok()?;
    (there == version).then(|| folder.join(SYSROOT))
}

/// Downloads what belongs to Debian's compiler as it is installed here, unless an earlier call did, and
/// gives the folder that holds it.
fn debian(architecture: Architecture) -> Result<PathBuf> {
    let version = installed_version()?;
    if let Some(sysroot) = sysroot(architecture, &version) {
        return Ok(sysroot);
    }
    let folder = folder(architecture);
    let sysroot = folder.join(SYSROOT);
    let release = std::fs::read_to_string(RELEASE)?;
    let suite = codename(&release).with_context(|| format!("{RELEASE} names no suite"))?;
    let archives = [
        format!("http://deb.debian.org/debian {suite}"),
        format!("http://deb.debian.org/debian-security {suite}-security"),
    ];
    let archives = archives.each_ref().map(String::as_str);
    let apt = Apt::new(&folder.join("apt"), Kind::Binary(architecture), &archives)?;
    if sysroot.exists() {
        std::fs::remove_dir_all(&sysroot)?;
    }
    apt.unpack(&[format!("{LIBRARY}={version}")], &folder.join("packages"), &folder)?;
    std::fs::write(folder.join(MARK), version)?;
    Ok(sysroot)
}

/// The suite's name in `/etc/os-release`.
fn codename(release: &str) -> Option<&str> {
    let found = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    found.map(|name| name.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_release_names_its_suite() {
        let release = "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
        assert_eq!(super::codename(release), Some("bookworm"));
        assert_eq!(super::codename("ID=alpine\n"), None);
    }
}
