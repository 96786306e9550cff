//! A throw-away system in a folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::dist::release::anew;
use crate::process;

/// Gives the root `$1` this machine's /sys and a /proc of its own, which nobody else sees and nobody
/// has to unmount, and goes on with the rest.
const WITH_KERNEL: &str = "
root=$1
shift
mkdir -p \"$root/proc\" \"$root/sys\"
mount -t proc proc \"$root/proc\"
mount --rbind /sys \"$root/sys\"
exec \"$@\"
";

/// A root folder; removed when dropped.
pub(super) struct Root {
    path: PathBuf,
    /// Whether what runs inside sees /proc and /sys.
    has_kernel: bool,
}

impl Root {
    /// A root with nothing in it, not even /proc.
    pub(super) fn empty(path: &Path) -> Result<Self> {
        anew(path)?;
        Ok(Self { path: path.to_owned(), has_kernel: false })
    }

    /// A copy of another root.
    pub(super) fn copy_of(original: &Path, path: &Path) -> Result<Self> {
        let mut root = Self::empty(path)?;
        root.has_kernel = true;
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--reflink=auto", "--no-target-directory"]);
        process::run(copy.arg(original).arg(path))?;
        Ok(root)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a command inside and gives what it printed.
    pub(super) fn run(&self, command: &[&str]) -> Result<String> {
        let mut chroot = Command::new("chroot");
        chroot.arg(&self.path).args(command);
        self.run_outside(&chroot)
    }

    /// Runs a command of this machine, which may enter the root by itself.
    pub(super) fn run_outside(&self, command: &Command) -> Result<String> {
        let mut enter = Command::new("unshare");
        enter.args(["--mount", "--pid", "--fork", "--kill-child"]);
        if self.has_kernel {
            enter.args(["sh", "-e", "-c", WITH_KERNEL, "sh"]).arg(&self.path);
        }
        // Without this machine's own settings.
        enter.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        process::output(enter.arg(command.get_program()).args(command.get_args()))
    }

    /// Copies a file of this machine to the path `to` below the root.
    pub(super) fn copy_in(&self, from: &Path, to: &str) -> Result<()> {
        std::fs::copy(from, self.path.join(to))
            .map(drop)
            .with_context(|| format!("cannot copy {}", from.display()))
    }

    /// Whether there is something at this path below the root.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path.join(path).exists()
    }

    /// The text of a file at this path below the root.
    pub(super) fn read(&self, path: &str) -> Result<String> {
        std::fs::read_to_string(self.path.join(path)).with_context(|| format!("no /{path}"))
    }

    /// Adds a line to a file, as an administrator does.
    pub(super) fn append(&self, path: &str, line: &str) -> Result<()> {
        std::fs::write(self.path.join(path), self.read(path)? + line + "\n")?;
        Ok(())
    }

    /// Everything below the root but what comes and goes with a running system, and a package
    /// manager's own books.
    pub(super) fn files(&self) -> Result<BTreeSet<String>> {
        const OTHERS: [&str; 5] =
            ["/run", "/var/lib/dpkg", "/var/lib/rpm", "/var/log", "/var/cache"];
        let mut find = Command::new("find");
        find.args([".", "-xdev", "-printf", "/%P\\n"]).current_dir(&self.path);
        let found = process::output(&mut find)?;
        let own = |path: &&str| !OTHERS.iter().any(|other| path.starts_with(other));
        Ok(found.lines().filter(own).map(str::to_owned).collect())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
