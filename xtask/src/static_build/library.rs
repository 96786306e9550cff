//! Rust's standard library for another processor than this machine's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::{Apt, Kind};
use crate::architecture::Architecture;
use crate::{process, workspace};

/// Debian's compiler for programs that follow Rust closely.
const COMPILER: &str = "rustc-web";
/// Where it is.
const COMPILER_PATH: &str = "/usr/bin/rustc";
/// The library that belongs to it. Packages for one processor serve compilers on another, when both
/// are of the same version.
const LIBRARY: &str = "libstd-rust-web-dev";

/// What tells which Debian this is.
const RELEASE: &str = "/etc/os-release";

/// Makes sure that cargo's compiler has the library, and gives the flags by which it finds it.
///
/// That is the compiler's own, or rustup gets it; where it cannot, both are Debian's.
pub(super) fn provide(architecture: Architecture, cargo: &mut Command) -> Result<Vec<String>> {
    if is_there(architecture)? {
        return Ok(Vec::new());
    }
    let target = architecture.target();
    let added = process::run(Command::new("rustup").args(["target", "add", target]));
    if is_there(architecture)? {
        return Ok(Vec::new());
    }
    if let Err(error) = added {
        eprintln!("{error:#}: goes on with Debian's compiler");
    }
    let sysroot = debian(architecture).with_context(|| {
        format!(
            "the compiler has no library for {target}: `rustup target add {target}`, or, on Debian, \
             `apt-get install {COMPILER}`"
        )
    })?;
    cargo.env("RUSTC", COMPILER_PATH);
    Ok(vec![format!("--sysroot={}", sysroot.display())])
}

/// Whether the compiler has the library.
fn is_there(architecture: Architecture) -> Result<bool> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
    let mut rustc = Command::new(rustc);
    rustc.args(["--print", "target-libdir", "--target", architecture.target()]);
    Ok(Path::new(process::output(&mut rustc)?.trim()).is_dir())
}

/// Downloads what belongs to Debian's compiler as it is installed here, unless an earlier call did, and
/// gives the folder that holds it.
fn debian(architecture: Architecture) -> Result<PathBuf> {
    let mut query = Command::new("dpkg-query");
    let version = process::output(query.args(["--show", "--showformat=${Version}", COMPILER]))?;
    let folder = workspace::target().join(format!("static/library-{}", architecture.debian()));
    let (sysroot, mark) = (folder.join("usr"), folder.join("version"));
    if std::fs::read_to_string(&mark).is_ok_and(|there| there == version) {
        return Ok(sysroot);
    }
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
    std::fs::write(&mark, version)?;
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
