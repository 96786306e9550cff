//! Kernels out of Debian's packages: downloaded with apt's own checks, unpacked, never installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, Kind};
use crate::{process, workspace};

/// The package that depends on a suite's present kernel for virtual machines.
const NEWEST: &str = "linux-image-cloud-amd64";

/// What a kernel's packages are called; newer suites split the image.
const PARTS: [&str; 3] = ["linux-image-", "linux-binary-", "linux-modules-"];

/// A kernel that Debian carries.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The version's first two numbers, or the suite's name where the version moves on.
    pub(crate) name: &'static str,
    /// Where it is to be had, `URL SUITE`; each list is tried when those before it had nothing.
    archives: &'static [&'static [&'static str]],
}

/// The kernels that we test, oldest first.
pub(crate) const KERNELS: [Kernel; 4] = [
    Kernel {
        name: "5.10",
        archives: &[
            &[
                "http://deb.debian.org/debian bullseye",
                "http://deb.debian.org/debian-security bullseye-security",
            ],
            // Where a suite goes when its support ends.
            &["http://archive.debian.org/debian bullseye"],
        ],
    },
    Kernel { name: "6.1", archives: &[&["http://deb.debian.org/debian bookworm"]] },
    Kernel { name: "6.12", archives: &[&["http://deb.debian.org/debian trixie"]] },
    Kernel { name: "sid", archives: &[&["http://deb.debian.org/debian sid"]] },
];

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
    pub(crate) fn folder(&self) -> PathBuf {
        workspace::target().join("kernels").join(self.name)
    }

    /// Downloads and unpacks the kernel; takes what an earlier call unpacked, unless `update`.
    pub(crate) fn fetch(&self, update: bool) -> Result<Unpacked> {
        let root = self.folder().join("root");
        if update || !root.exists() {
            let mut failures = Vec::new();
            let fetched = self.archives.iter().any(|archives| match self.download(archives) {
                Ok(()) => true,
                Err(error) => {
                    failures.push(format!("{error:#}"));
                    false
                }
            });
            if !fetched {
                bail!("cannot get kernel {}: {}", self.name, failures.join("; then "));
            }
        }
        Unpacked::in_folder(&root)
    }

    fn download(&self, archives: &[&str]) -> Result<()> {
        let folder = self.folder();
        let new = folder.join("new");
        let packages = folder.join("packages");
        for path in [&new, &packages] {
            if path.exists() {
                std::fs::remove_dir_all(path)?;
            }
            std::fs::create_dir_all(path)?;
        }
        let apt = Apt::new(&folder.join("apt"), Kind::Binary, archives)?;
        let names = kernel_packages(&apt)?;
        process::output(
            apt.command("apt-get").arg("download").args(&names).current_dir(&packages),
        )?;
        for package in std::fs::read_dir(&packages)? {
            process::output(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(&new))?;
        }
        std::fs::remove_dir_all(&packages)?;
        let root = folder.join("root");
        if root.exists() {
            std::fs::remove_dir_all(&root)?;
        }
        std::fs::rename(&new, &root).context("cannot put the unpacked kernel in its place")
    }
}

/// The packages that make up the suite's kernel.
fn kernel_packages(apt: &Apt) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut waiting = vec![NEWEST.to_owned()];
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
        bail!("{NEWEST} depends on no kernel");
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
        let parents = ["usr/lib/modules", "lib/modules"].map(|path| root.join(path));
        let modules = parents
            .iter()
            .filter_map(|parent| std::fs::read_dir(parent).ok())
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.join("kernel").is_dir())
            .with_context(|| format!("{} holds no kernel modules", root.display()))?;
        let release = modules.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let images = [root.join(format!("boot/vmlinuz-{release}")), modules.join("vmlinuz")];
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
