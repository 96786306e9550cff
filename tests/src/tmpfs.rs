//! A small file system in memory, to be filled up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::find_program;

/// A mounted tmpfs, unmounted when dropped. Needs root.
#[derive(Debug)]
pub struct Tmpfs(PathBuf);

impl Tmpfs {
    /// Mounts one of this size, as mount(8) writes it, on a new directory.
    pub fn mount(path: PathBuf, size: &str) -> Result<Self> {
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let mount = find_program("mount").context("no `mount` program: install mount")?;
        let mounted = Command::new(mount)
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "ja4sentinel-test"])
            .arg(&path)
            .status()?;
        ensure!(mounted.success(), "cannot mount a tmpfs on {}", path.display());
        Ok(Self(path))
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// Unmounts what a process that was stopped has left mounted in a directory.
pub(crate) fn unmount_below(directory: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    // Device, then place.
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    places.filter(|place| place.starts_with(directory)).for_each(unmount);
}

fn unmount(place: &Path) {
    if let Some(umount) = find_program("umount") {
        let _ = Command::new(umount).arg("--lazy").arg(place).status();
    }
}
