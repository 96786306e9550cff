//! Other Debian releases than the one that runs here, each in a folder of its own below cargo's
//! target folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ja4sentinel_tests::chroot::CHROOT;
use ja4sentinel_tests::process::find_program;

use crate::{process, workspace};

/// A release with some packages in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chroot {
    suite: &'static str,
    /// Below cargo's target folder.
    folder: &'static str,
    packages: &'static [&'static str],
    /// Disk space in megabytes.
    size: u32,
}

/// The first release whose tshark and Suricata print JA4: the one that runs here may be older.
pub(super) static LATER: Chroot =
    Chroot { suite: "trixie", folder: CHROOT, packages: &["tshark", "suricata"], size: 700 };

/// The oldest release that our packages are for, to install them into.
pub(crate) static OLDEST: Chroot = Chroot {
    suite: "bullseye",
    folder: "roots/bullseye",
    packages: &["libnss-myhostname", "logrotate", "procps", "systemd", "systemd-sysv"],
    size: 300,
};

/// The first numbers of Debian and Ubuntu whose own tshark and Suricata print JA4.
const DEBIAN_NUMBER: u32 = 13;
const UBUNTU_NUMBER: u32 = 25;

/// Where Debian's packages are when this system's own list does not say.
const MIRROR: &str = "http://deb.debian.org/debian";

/// Where a release goes when its support ends.
const ARCHIVE: &str = "http://archive.debian.org/debian";

/// Whether the programs of the release that runs here will do.
pub(super) fn host_is_new_enough() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    is_new_enough(&release)
}

fn is_new_enough(os_release: &str) -> bool {
    let least = match value(os_release, "ID") {
        Some("debian") => DEBIAN_NUMBER,
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

impl Chroot {
    /// Whether it is there.
    pub(super) fn exists(&self) -> bool {
        self.path().exists()
    }

    /// What [`Chroot::make`] does, for people.
    pub(super) fn description(&self) -> String {
        let (suite, path, packages) = (self.suite, self.path(), self.packages.join(", "));
        format!("debootstrap {suite} {}, and {packages} inside ({} MB)", path.display(), self.size)
    }

    /// Makes it, or adds the packages that it lacks. It appears under its name only once it is
    /// complete.
    pub(super) fn make(&self) -> Result<()> {
        let path = self.path();
        if path.exists() {
            return self.install(&path);
        }
        let partial = path.with_extension("partial");
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        self.bootstrap(&partial, &mirror()).or_else(|_| self.bootstrap(&partial, ARCHIVE))?;
        self.install(&partial)?;
        let mut command = process::as_root("mv")?;
        process::run(command.arg("--no-target-directory").args([&partial, &path]))
    }

    fn install(&self, root: &Path) -> Result<()> {
        let apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"];
        let install = ["install", "--yes", "--no-install-recommends"];
        for arguments in [&["update"][..], &[&install, self.packages].concat(), &["clean"]] {
            let mut command = process::as_root("chroot")?;
            process::run(command.arg(root).args(apt).args(arguments))?;
        }
        Ok(())
    }

    /// The smallest system of the suite.
    fn bootstrap(&self, path: &Path, mirror: &str) -> Result<()> {
        process::run(process::as_root("rm")?.args(["-rf", "--one-file-system"]).arg(path))?;
        let debootstrap = find_program("debootstrap").context("no debootstrap")?;
        let mut command = process::as_root(debootstrap)?;
        process::run(command.args(["--variant=minbase", self.suite]).arg(path).arg(mirror))
    }

    pub(crate) fn path(&self) -> PathBuf {
        workspace::target().join(self.folder)
    }
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
