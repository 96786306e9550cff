//! A control group whose programs may use so much memory and no more, the kernel's on their behalf
//! included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Joins the group whose file is `$1`, and goes on as the rest.
const JOIN: &str = "echo $$ >\"$1\"; shift; exec \"$@\"";

/// The group; it goes when this is dropped, after its programs.
#[derive(Debug)]
pub struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Makes one for so many bytes, under either version of control groups. Needs root.
    pub fn new(bytes: u64) -> Result<Self> {
        let first = Path::new("/sys/fs/cgroup/memory");
        let (parent, limit) = match first.is_dir() {
            true => (first, "memory.limit_in_bytes"),
            false => (Path::new("/sys/fs/cgroup"), "memory.max"),
        };
        if !first.is_dir() {
            let control = parent.join("cgroup.subtree_control");
            fs::write(control, "+memory").context("memory cannot be limited by control groups")?;
        }
        let path = parent.join(format!("ja4s-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let group = Self(path);
        fs::write(group.0.join(limit), bytes.to_string())?;
        Ok(group)
    }

    /// The same command inside. What was set beside its arguments is lost.
    pub fn command(&self, command: &Command) -> Command {
        let mut inside = Command::new("sh");
        inside.args(["-e", "-c", JOIN, "sh"]).arg(self.0.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
