//! The two Rust installations that can compile the kernel program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{process, workspace};

/// Variables that would lead cargo or rustc elsewhere than we want.
const FOREIGN: [&str; 9] = [
    "CARGO",
    "CARGO_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// One Rust installation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rust {
    /// The toolchain that rustup calls `nightly`.
    Nightly,
    /// The system's own compiler: on Debian the packages rustc-web, cargo-web, rust-web-src.
    System,
}

impl Rust {
    pub(crate) const ALL: [Self; 2] = [Self::Nightly, Self::System];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nightly => "rustup's nightly",
            Self::System => "the system's Rust",
        }
    }

    /// How to get this installation, sources included.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Nightly => "rustup toolchain install nightly --component rust-src",
            Self::System => "on Debian: apt-get install rustc-web cargo-web rust-web-src",
        }
    }

    /// Calls `rustc` or `cargo`. rustup is kept from installing anything by itself.
    pub(crate) fn command(self, program: &str) -> Command {
        let mut command = match self {
            Self::Nightly => {
                let mut rustup = Command::new("rustup");
                rustup.args(["run", "nightly", program]);
                rustup
            }
            Self::System => Command::new(Path::new("/usr/bin").join(program)),
        };
        command.current_dir(workspace::root());
        for name in FOREIGN {
            command.env_remove(name);
        }
        match self {
            Self::Nightly => command.env("RUSTUP_AUTO_INSTALL", "0"),
            // A stable compiler takes unstable options when told that it builds a compiler.
            Self::System => command.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1"),
        };
        command
    }

    /// Whether everything of it is there, bpf-linker apart.
    pub(crate) fn is_complete(self) -> bool {
        self.sources().is_some() && self.version().is_ok_and(|version| version.is_new_enough())
    }

    /// What `rustc -vV` says.
    pub(crate) fn version(self) -> Result<Version> {
        let said = process::output(self.command("rustc").arg("-vV"))?;
        Version::parse(&said)
    }

    /// The folder that holds the sources of the standard library, when they are there.
    pub(crate) fn sources(self) -> Option<PathBuf> {
        let mut rustc = self.command("rustc");
        let sysroot = process::output(rustc.args(["--print", "sysroot"])).ok()?;
        let folder = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        folder.join("library/core").is_dir().then_some(folder)
    }
}

/// The version of a compiler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The whole first line, such as `rustc 1.96.0 (ac68faa20 2026-05-25)`.
    pub(crate) line: String,
    /// Major and minor number.
    number: (u32, u32),
    /// Such as `22.1.8`.
    pub(crate) llvm: String,
}

impl Version {
    /// Whether it compiles what the workspace's `rust-version` promises.
    pub(crate) fn is_new_enough(&self) -> bool {
        number(env!("CARGO_PKG_RUST_VERSION")).is_none_or(|least| self.number >= least)
    }

    /// Such as `22`.
    pub(crate) fn llvm_major(&self) -> &str {
        self.llvm.split('.').next().unwrap_or_default()
    }

    fn parse(verbose: &str) -> Result<Self> {
        let line = verbose.lines().next().unwrap_or_default();
        let field = |name: &str| verbose.lines().find_map(|line| line.strip_prefix(name));
        let unexpected = || format!("`rustc -vV` printed something unexpected: {verbose}");
        Ok(Self {
            line: line.to_owned(),
            number: field("release: ").and_then(number).with_context(unexpected)?,
            llvm: field("LLVM version: ").with_context(unexpected)?.to_owned(),
        })
    }
}

/// Major and minor number of `1.96.0-nightly` or `1.95`.
fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rustc_names_itself_and_its_llvm() {
        let said = "rustc 1.97.0-nightly (e50aa6fba 2026-05-19)\nbinary: rustc\n\
            release: 1.97.0-nightly\nLLVM version: 22.1.4\n";
        assert_eq!(
            Version::parse(said).unwrap(),
            Version {
                line: "rustc 1.97.0-nightly (e50aa6fba 2026-05-19)".to_owned(),
                number: (1, 97),
                llvm: "22.1.4".to_owned(),
            }
        );
        assert!(Version::parse("rustc, allegedly").is_err());
    }
}
