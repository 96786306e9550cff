//! libpcap as an archive that can be linked into a static program.
//!
//! The archive that distributions ship wants D-Bus and more for kinds of capture that we never use,
//! and those libraries have no archives. So this is Debian's source, built without them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::{Apt, Kind};
use crate::architecture::Architecture;
use crate::{process, workspace};

/// Where the source is from. The version follows the suite, security updates included.
const ARCHIVES: [&str; 2] = [
    "http://deb.debian.org/debian trixie",
    "http://deb.debian.org/debian-security trixie-security",
];

/// Everything but capture from network interfaces is left out.
const CONFIGURE: [&str; 8] = [
    "--disable-shared",
    "--disable-dbus",
    "--disable-rdma",
    "--disable-bluetooth",
    "--disable-usb",
    "--without-libnl",
    "--without-dag",
    "--without-dpdk",
];

/// A built libpcap.
pub(crate) struct Libpcap {
    /// The folder that holds `libpcap.a`.
    pub(crate) folder: PathBuf,
    /// Such as `1.10.5`.
    pub(crate) version: String,
}

/// Builds the archive, unless an earlier call did.
pub(crate) fn build(architecture: Architecture) -> Result<Libpcap> {
    let mut folder = workspace::target().join("static/libpcap");
    let mut configure = Command::new("./configure");
    configure.args(CONFIGURE);
    if architecture != Architecture::HOST {
        folder.set_file_name(format!("libpcap-{}", architecture.debian()));
        // What it would find out by running a program.
        configure.arg(format!("--host={}", architecture.gnu())).arg("--with-pcap=linux");
    }
    let (apt, new, built) = (folder.join("apt"), folder.join("new"), folder.join("built"));
    if !built.join("libpcap.a").exists() {
        for path in [&new, &built] {
            if path.exists() {
                std::fs::remove_dir_all(path)?;
            }
        }
        std::fs::create_dir_all(&new)?;
        let apt = Apt::new(&apt, Kind::Source, &ARCHIVES)?;
        process::output(apt.command("apt-get").args(["source", "libpcap"]).current_dir(&new))
            .context("cannot get the source of libpcap")?;
        let source = source_in(&new)?;
        process::output(configure.current_dir(&source))?;
        process::output(Command::new("make").arg("libpcap.a").current_dir(&source))?;
        std::fs::rename(&source, &built)?;
    }
    let version = std::fs::read_to_string(built.join("VERSION"))?.trim().to_owned();
    Ok(Libpcap { folder: built, version })
}

/// The unpacked source is the only folder that apt leaves.
fn source_in(folder: &Path) -> Result<PathBuf> {
    std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.is_dir())
        .context("apt unpacked no source of libpcap")
}
