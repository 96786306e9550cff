//! Kernels out of distributions' packages: downloaded with apt's own checks, unpacked, never installed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::initramfs::static_busybox;
use crate::apt::{Apt, Kind};
use crate::architecture::Architecture;
use crate::{process, workspace};

/// The package that depends on a suite's present kernel for virtual machines, with Debian; its name ends
/// with the processor.
const NEWEST: &str = "linux-image-cloud";
/// The same with Ubuntu.
const VIRTUAL: &str = "linux-image-virtual";
/// Packages that hold nothing themselves.
const METAPACKAGES: [&str; 2] = [NEWEST, VIRTUAL];

/// What a kernel's packages are called; newer suites split the image.
const PARTS: [&str; 3] = ["linux-image-", "linux-binary-", "linux-modules-"];

/// Where Ubuntu's keys are to be had: as a package of Debian, so that Debian's vouch for them.
const UBUNTU_KEYS: (&str, &str) = ("ubuntu-keyring", "http://deb.debian.org/debian trixie");
/// Where they lie in it.
const UBUNTU_KEYS_FILE: &str = "usr/share/keyrings/ubuntu-archive-keyring.gpg";

/// busybox of another processor.
const BUSYBOX: (&str, &str) = ("busybox-static", "http://deb.debian.org/debian bookworm");

/// A kernel, and how it is booted.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The version's first two numbers, the suite's name where the version moves on, or what is
    /// peculiar.
    pub(crate) name: &'static str,
    /// Where it is from.
    packages: &'static Packages,
    /// What its command line ends with.
    pub(crate) options: &'static str,
    /// What it lacks for the eBPF backend, in the agent's words.
    pub(crate) lacks: Option<&'static str>,
    /// Tunnels that it is built without.
    pub(crate) without: &'static [&'static str],
    /// Whether it is a program of this machine's own kernel.
    pub(crate) user_mode: bool,
    /// The tests that are run on it.
    pub(crate) tests: &'static [&'static str],
}

impl Kernel {
    /// One that has all that it takes, and gets all tests.
    const fn whole(name: &'static str, packages: &'static Packages) -> Self {
        let (options, lacks, without) = ("", None, [].as_slice());
        Self { name, packages, options, lacks, without, user_mode: false, tests: ALL }
    }
}

/// Everything, where the kernel has all that it takes.
const ALL: &[&str] =
    &["kernel_verifier", "kernel_backend", "kernel_denied", "kernel_table", "machine_live"];
/// The agent alone, where only that can be different.
const AGENT: &[&str] = &["kernel_verifier", "kernel_backend", "machine_live"];

/// The kernels that we test, oldest first.
pub(crate) const KERNELS: [Kernel; 8] = [
    Kernel {
        // The ring buffer came with 5.8.
        lacks: Some("Invalid argument"),
        tests: &["kernel_backend"],
        ..Kernel::whole("5.4", &FOCAL)
    },
    Kernel::whole("5.8", &FOCAL_5_8),
    Kernel::whole("5.10", &BULLSEYE),
    Kernel::whole("6.1", &BOOKWORM),
    Kernel::whole("6.12", &TRIXIE),
    Kernel::whole("sid", &SID),
    Kernel {
        options: "lockdown=confidentiality",
        tests: AGENT,
        ..Kernel::whole("lockdown", &TRIXIE)
    },
    // Debian builds user-mode Linux without type information.
    Kernel {
        without: &["wireguard"],
        user_mode: true,
        tests: AGENT,
        ..Kernel::whole("no-btf", &USER_MODE)
    },
];

/// The oldest of Debian, which has a system to go with it.
pub(crate) fn oldest_debian() -> &'static Kernel {
    let [_, _, oldest, ..] = &KERNELS;
    oldest
}

/// Packages that hold a kernel.
#[derive(Debug)]
struct Packages {
    /// Below the folder of all kernels.
    folder: &'static str,
    /// The one that is the kernel, or depends on it.
    first: &'static str,
    distribution: Distribution,
    /// Where it is to be had, `URL SUITE`; each list is tried when those before it had nothing.
    archives: &'static [&'static [&'static str]],
}

/// Whose keys vouch for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Distribution {
    Debian,
    /// It still carries what Debian's mirrors no longer do.
    Ubuntu,
}

static FOCAL: Packages = Packages {
    folder: "5.4",
    first: VIRTUAL,
    distribution: Distribution::Ubuntu,
    archives: &[&["http://archive.ubuntu.com/ubuntu focal"]],
};

static FOCAL_5_8: Packages = Packages {
    folder: "5.8",
    first: "linux-image-5.8.0-63-generic",
    distribution: Distribution::Ubuntu,
    archives: &[&["http://archive.ubuntu.com/ubuntu focal-updates"]],
};

static BULLSEYE: Packages = Packages {
    folder: "5.10",
    first: NEWEST,
    distribution: Distribution::Debian,
    archives: &[
        &[
            "http://deb.debian.org/debian bullseye",
            "http://deb.debian.org/debian-security bullseye-security",
        ],
        // Where a suite goes when its support ends.
        &["http://archive.debian.org/debian bullseye"],
    ],
};

static BOOKWORM: Packages = debian("6.1", &[&["http://deb.debian.org/debian bookworm"]]);
static TRIXIE: Packages = debian("6.12", &[&["http://deb.debian.org/debian trixie"]]);
static SID: Packages = debian("sid", &[&["http://deb.debian.org/debian sid"]]);

static USER_MODE: Packages = Packages {
    first: "user-mode-linux",
    ..debian("no-btf", &[&["http://deb.debian.org/debian bookworm"]])
};

const fn debian(folder: &'static str, archives: &'static [&'static [&'static str]]) -> Packages {
    Packages { folder, first: NEWEST, distribution: Distribution::Debian, archives }
}

/// An unpacked kernel.
pub(crate) struct Unpacked {
    /// The release as `uname -r` prints it.
    pub(crate) release: String,
    /// The bootable image.
    pub(crate) image: PathBuf,
    /// The folder that holds `kernel/`, the tree of modules.
    pub(crate) modules: PathBuf,
}

impl Kernel {
    /// The folder that belongs to this kernel.
    pub(crate) fn folder(&self, architecture: Architecture) -> PathBuf {
        kernels(architecture).join(self.name)
    }

    /// Whether it is to be had for this processor.
    pub(crate) fn is_for(&self, architecture: Architecture) -> bool {
        let of_pcs = self.user_mode || self.packages.distribution == Distribution::Ubuntu;
        architecture == Architecture::X86_64 || !of_pcs
    }

    /// Downloads and unpacks the kernel; takes what an earlier call unpacked, unless `update`.
    pub(crate) fn fetch(&self, architecture: Architecture, update: bool) -> Result<Unpacked> {
        let root = self.packages.folder(architecture).join("root");
        if update || !root.exists() {
            let mut failures = Vec::new();
            let fetched = self.packages.archives.iter().any(|archives| {
                let downloaded = self.packages.download(architecture, archives);
                failures.extend(downloaded.as_ref().err().map(|error| format!("{error:#}")));
                downloaded.is_ok()
            });
            if !fetched {
                bail!("cannot get kernel {}: {}", self.name, failures.join("; then "));
            }
        }
        Unpacked::in_folder(&root)
    }
}

/// The folder of all kernels for a processor.
fn kernels(architecture: Architecture) -> PathBuf {
    let folder = workspace::target().join("kernels");
    if architecture == Architecture::HOST { folder } else { folder.join(architecture.debian()) }
}

/// busybox for the machines.
pub(crate) fn busybox(architecture: Architecture) -> Result<PathBuf> {
    if architecture == Architecture::HOST {
        return static_busybox();
    }
    let folder = kernels(architecture).join("busybox");
    let program = folder.join("bin/busybox");
    if !program.exists() {
        let (package, archive) = BUSYBOX;
        let apt = Apt::new(&folder.join("apt"), Kind::Binary(architecture), &[archive])?;
        apt.unpack(&[package], &folder.join("packages"), &folder)?;
    }
    Ok(program)
}

/// Ubuntu's keys; downloaded once.
fn ubuntu_keys() -> Result<PathBuf> {
    let folder = kernels(Architecture::HOST).join("ubuntu-keys");
    let keys = folder.join(UBUNTU_KEYS_FILE);
    if !keys.exists() {
        let (package, archive) = UBUNTU_KEYS;
        let apt = Apt::new(&folder.join("apt"), Kind::Binary(Architecture::HOST), &[archive])?;
        apt.unpack(&[package], &folder.join("packages"), &folder)?;
        if !keys.exists() {
            bail!("Debian's package {package} holds no {UBUNTU_KEYS_FILE}");
        }
    }
    Ok(keys)
}

impl Packages {
    fn folder(&self, architecture: Architecture) -> PathBuf {
        kernels(architecture).join(self.folder)
    }

    fn download(&self, architecture: Architecture, archives: &[&str]) -> Result<()> {
        let folder = self.folder(architecture);
        let (new, packages) = (folder.join("new"), folder.join("packages"));
        for path in [&new, &packages] {
            if path.exists() {
                std::fs::remove_dir_all(path)?;
            }
        }
        std::fs::create_dir_all(&new)?;
        let (state, kind) = (folder.join("apt"), Kind::Binary(architecture));
        let apt = match self.distribution {
            Distribution::Debian => Apt::new(&state, kind, archives)?,
            Distribution::Ubuntu => Apt::with_keys(&ubuntu_keys()?, &state, kind, archives)?,
        };
        let first = match self.first {
            NEWEST => format!("{NEWEST}-{}", architecture.debian()),
            other => other.to_owned(),
        };
        apt.unpack(&kernel_packages(&apt, &first)?, &packages, &new)?;
        let root = folder.join("root");
        if root.exists() {
            std::fs::remove_dir_all(&root)?;
        }
        std::fs::rename(&new, &root).context("cannot put the unpacked kernel in its place")
    }
}

/// The packages that make up the kernel of `first`, which may be one of them.
fn kernel_packages(apt: &Apt, first: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if !METAPACKAGES.iter().any(|name| first.starts_with(name)) {
        found.push(first.to_owned());
    }
    let mut waiting = vec![first.to_owned()];
    while let Some(package) = waiting.pop() {
        let said = process::output(apt.command("apt-cache").args(["depends", &package]))?;
        for part in parts(&said) {
            if !found.contains(&part) {
                waiting.push(part.clone());
                found.push(part);
            }
        }
    }
    if found.is_empty() {
        bail!("{first} depends on no kernel");
    }
    Ok(found)
}

/// The parts of a kernel among what `apt-cache depends` prints.
fn parts(depends: &str) -> Vec<String> {
    depends
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Depends: "))
        .filter(|name| PARTS.iter().any(|part| name.starts_with(part)))
        .map(str::to_owned)
        .collect()
}

impl Unpacked {
    fn in_folder(root: &Path) -> Result<Self> {
        // Suites before trixie keep /lib apart from /usr/lib.
        let parents = ["usr/lib/modules", "lib/modules", "usr/lib/uml/modules"];
        let parents = parents.map(|path| root.join(path));
        let modules = parents
            .iter()
            .filter_map(|parent| std::fs::read_dir(parent).ok())
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.join("kernel").is_dir())
            .with_context(|| format!("{} holds no kernel modules", root.display()))?;
        let release = modules.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let images = [
            root.join(format!("boot/vmlinuz-{release}")),
            modules.join("vmlinuz"),
            root.join("usr/bin/linux.uml"),
        ];
        let image = images
            .into_iter()
            .find(|path| path.exists())
            .with_context(|| format!("{} holds no vmlinuz", root.display()))?;
        Ok(Self { release, image, modules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_may_be_split() {
        let said = "linux-image-7.2-cloud-amd64\n  PreDepends: linux-base\n |Depends: initramfs-tools\n  \
            Depends: linux-base-7.2-cloud-amd64\n  Depends: linux-binary-7.2-cloud-amd64\n  \
            Depends: linux-modules-7.2-cloud-amd64\n  Suggests: linux-image-doc\n";
        assert_eq!(parts(said), ["linux-binary-7.2-cloud-amd64", "linux-modules-7.2-cloud-amd64"]);
    }
}
