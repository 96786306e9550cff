//! Where things lie in this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Cargo's target folder: `CARGO_TARGET_DIR` when that is set, else `target` below the root.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root().join("target"), |given| root().join(given))
}

/// Where programs that only this repository needs are installed.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// A cargo command at the root: the cargo that started us, else the one on the path.
pub(crate) fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Builds the agent with the `dev` profile and gives the path of its binary.
pub(crate) fn build_agent() -> Result<PathBuf> {
    let arguments = ["build", "--package", "ja4sentinel", "--bin", "ja4sentinel"];
    process::run(cargo().args(arguments))?;
    Ok(target().join("debug").join("ja4sentinel"))
}

/// Builds the agent with the `release` profile and gives the path of its binary.
pub(crate) fn build_agent_release() -> Result<PathBuf> {
    let arguments = ["build", "--release", "--package", "ja4sentinel", "--bin", "ja4sentinel"];
    process::run(cargo().args(arguments))?;
    Ok(target().join("release").join("ja4sentinel"))
}
