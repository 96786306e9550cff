//! The file system of the virtual machine: busybox, modules, and the checks to run.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ja4sentinel_tests::process::find_program;

use super::modules::Module;
use crate::static_build;

/// The first process of the machine.
const INIT: &str = include_str!("init.sh");

/// Folders that the first process expects.
const FOLDERS: [&str; 7] = ["bin", "checks", "dev", "proc", "run", "sys", "tmp"];

/// A file system in the making, as a folder on this machine.
pub(crate) struct Initramfs {
    folder: PathBuf,
}

impl Initramfs {
    /// A new file system with this busybox and these modules, loaded in this order at boot.
    pub(crate) fn new(folder: PathBuf, busybox: &Path, modules: &[Module]) -> Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        for name in FOLDERS {
            std::fs::create_dir_all(folder.join(name))?;
        }
        let new = Self::of_system(folder, busybox, modules)?;
        new.program("init", INIT.as_bytes())?;
        Ok(new)
    }

    /// A whole system that lies in a folder, with busybox and these modules beside what it has.
    pub(crate) fn of_system(folder: PathBuf, busybox: &Path, modules: &[Module]) -> Result<Self> {
        let new = Self { folder };
        new.copy(busybox, "bin/busybox")?;
        std::fs::create_dir_all(new.folder.join("modules"))?;
        for module in modules {
            new.file(&format!("modules/{}.ko", module.name), &module.bytes)?;
        }
        let order: String = modules.iter().map(|module| module.name.clone() + "\n").collect();
        new.file("modules/order", order.as_bytes())?;
        Ok(new)
    }

    /// Adds a file with these bytes.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds a file that can be run.
    pub(crate) fn program(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.file(name, bytes)?;
        std::fs::set_permissions(self.folder.join(name), PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    /// Adds a copy of a file of this machine, with its permissions.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> Result<()> {
        std::fs::copy(from, self.folder.join(name))
            .map(drop)
            .with_context(|| format!("cannot copy {}", from.display()))
    }

    /// Packs everything into one archive, as the kernel unpacks it, and returns its path.
    pub(crate) fn pack(&self) -> Result<PathBuf> {
        let archive = self.folder.with_extension("cpio");
        let list = self.folder.with_extension("list");
        let mut names = Vec::new();
        walk(&self.folder, Path::new(""), &mut names)?;
        std::fs::write(&list, names.join("\n") + "\n")?;
        let status = Command::new(static_busybox()?)
            .args(["cpio", "-o", "-H", "newc", "-R", "0:0"])
            .current_dir(&self.folder)
            .stdin(File::open(&list)?)
            .stdout(File::create(&archive)?)
            .stderr(Stdio::null())
            .status()
            .context("cannot start busybox")?;
        if !status.success() {
            bail!("busybox cpio failed ({status})");
        }
        Ok(archive)
    }
}

/// Names of everything below `folder`, each folder before what it holds.
fn walk(folder: &Path, below: &Path, names: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let name = below.join(entry.file_name());
        names.push(name.to_string_lossy().into_owned());
        if entry.file_type()?.is_dir() {
            walk(folder, &name, names)?;
        }
    }
    Ok(())
}

/// This machine's busybox, which must need no shared library: there is none in the others.
pub(crate) fn static_busybox() -> Result<PathBuf> {
    let path = find_program("busybox").context("busybox is missing: install busybox-static")?;
    static_build::needs_no_library(&std::fs::read(&path)?).with_context(|| {
        format!("{} is no static program: install busybox-static", path.display())
    })?;
    Ok(path)
}
