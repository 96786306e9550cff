//! Programs of a later Debian, in a root directory of their own below cargo's target directory:
//! `cargo xtask setup` makes it where this system's are too old.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{find_program, is_root};

/// Name of the root directory below cargo's target directory.
pub const CHROOT: &str = "chroot-trixie";

/// A program that is new enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// This system's own.
    Host(PathBuf),
    /// A later release's.
    Chroot {
        /// Its root directory.
        root: PathBuf,
        /// What it is called there.
        name: &'static str,
    },
}

impl Program {
    /// The system's own when `is_new_enough` says so, else that of `cargo xtask setup`.
    pub fn find(name: &'static str, is_new_enough: impl Fn(&Path) -> bool) -> Option<Self> {
        if let Some(own) = find_program(name).filter(|own| is_new_enough(own)) {
            return Some(Self::Host(own));
        }
        let here = std::env::current_exe().ok()?;
        let mut roots = here.ancestors().map(|directory| directory.join(CHROOT));
        let root = roots.find(|root| root.join("usr/bin").join(name).is_file())?;
        Some(Self::Chroot { root, name })
    }

    /// A command that runs it.
    pub fn command(&self) -> Command {
        match self {
            Self::Host(program) => Command::new(program),
            Self::Chroot { root, name } => {
                let mut command = Command::new("chroot");
                command.arg(root).arg(name);
                command
            }
        }
    }

    /// An empty directory for files that it shares with us: as we see it, and as it does. A chroot
    /// has its own place for it, and needs root; else it is made in `place`.
    pub fn exchange(&self, place: &Path, name: &str) -> Result<(PathBuf, PathBuf)> {
        let (outside, inside) = match self {
            Self::Host(_) => (place.join(name), place.join(name)),
            Self::Chroot { root, .. } => {
                ensure!(is_root(), "{} is a root directory: this needs root", root.display());
                (root.join("tmp").join(name), Path::new("/tmp").join(name))
            }
        };
        let _ = std::fs::remove_dir_all(&outside);
        std::fs::create_dir_all(&outside)
            .with_context(|| format!("cannot make {}", outside.display()))?;
        Ok((outside, inside))
    }
}
