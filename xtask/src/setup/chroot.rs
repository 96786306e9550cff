//! tshark from a later Debian, in a directory of its own below cargo's target directory: the
//! release that runs here may have one that knows no JA4 yet.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ja4sentinel_tests::process::find_program;
use ja4sentinel_tests::tshark;

use crate::{process, workspace};

/// The first Debian release whose tshark prints JA4, and its number.
const SUITE: &str = "trixie";
const SUITE_NUMBER: u32 = 13;
/// The same for Ubuntu: 25.04.
const UBUNTU_NUMBER: u32 = 25;

/// Where Debian's packages are when this system's own list does not say.
const MIRROR: &str = "http://deb.debian.org/debian";

/// Whether this release's own tshark will do.
pub(super) fn host_is_new_enough() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    is_new_enough(&release)
}

fn is_new_enough(os_release: &str) -> bool {
    let least = match value(os_release, "ID") {
        Some("debian") => SUITE_NUMBER,
        Some("ubuntu") => UBUNTU_NUMBER,
        _ => return false,
    };
    // Debian's testing and unstable have no number.
    let major = value(os_release, "VERSION_ID").and_then(|id| id.split('.').next());
    major.is_none_or(|major| major.parse().is_ok_and(|major: u32| major >= least))
}

fn value<'a>(os_release: &'a str, key: &str) -> Option<&'a str> {
    let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.map(|value| value.trim_matches('"'))
}

/// Packages that making the chroot needs and this system lacks.
pub(super) fn missing_packages() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if find_program("debootstrap").is_none() {
        packages.push("debootstrap");
    }
    if !Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists() {
        packages.push("debian-archive-keyring");
    }
    packages
}

/// What [`make`] does, for people.
pub(super) fn description() -> String {
    format!("debootstrap {SUITE} {} and tshark inside (600 MB)", directory().display())
}

/// Makes the chroot. It appears under its name only once it is complete.
pub(super) fn make() -> Result<()> {
    let directory = directory();
    let partial = directory.with_extension("partial");
    std::fs::create_dir_all(workspace::target())?;
    process::run(process::as_root("rm")?.args(["-rf", "--one-file-system"]).arg(&partial))?;

    let debootstrap = find_program("debootstrap").context("no debootstrap")?;
    let mut command = process::as_root(debootstrap)?;
    process::run(command.args(["--variant=minbase", SUITE]).arg(&partial).arg(mirror()))?;
    let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"];
    let install = ["install", "--yes", "--no-install-recommends", "tshark"];
    for arguments in [&["update"][..], &install, &["clean"]] {
        let mut command = process::as_root("chroot")?;
        process::run(command.arg(&partial).args(apt).args(arguments))?;
    }
    let mut command = process::as_root("mv")?;
    process::run(command.arg("--no-target-directory").args([&partial, &directory]))
}

fn directory() -> PathBuf {
    workspace::target().join(tshark::CHROOT)
}

/// The mirror that this system uses, when it is Debian: perhaps the only one it can reach.
fn mirror() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if value(&release, "ID") != Some("debian") {
        return MIRROR.to_owned();
    }
    let lists = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"];
    let text = lists.map(|list| std::fs::read_to_string(list).unwrap_or_default()).join("\n");
    first_mirror(&text).unwrap_or(MIRROR).to_owned()
}

/// The first address in an APT source list of either format.
fn first_mirror(sources: &str) -> Option<&str> {
    let lines = sources.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut words = lines
        .filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"))
        .flat_map(str::split_whitespace);
    words.find(|word| word.starts_with("http://") || word.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_with_ja4_in_their_tshark() {
        let debian = |version: &str| format!("NAME=\"Debian\"\nID=debian\n{version}");
        assert!(!is_new_enough(&debian("VERSION_ID=\"12\"\n")));
        assert!(is_new_enough(&debian("VERSION_ID=\"13\"\n")));
        assert!(is_new_enough(&debian("")));
        assert!(!is_new_enough("ID=ubuntu\nVERSION_ID=\"24.04\"\n"));
        assert!(is_new_enough("ID=ubuntu\nVERSION_ID=\"25.04\"\n"));
        assert!(!is_new_enough("ID=fedora\nVERSION_ID=43\n"));
    }

    #[test]
    fn mirrors_of_both_formats() {
        let line = "# deb http://old.example/ x\ndeb [arch=amd64] http://a.example/debian x main\n";
        assert_eq!(first_mirror(line), Some("http://a.example/debian"));
        let block = "Types: deb\nURIs: https://b.example/debian/\nSuites: x\n";
        assert_eq!(first_mirror(block), Some("https://b.example/debian/"));
        assert_eq!(first_mirror("deb cdrom:[x]/ y main\n"), None);
    }
}
