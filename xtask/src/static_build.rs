//! Programs that need no shared library: they run on any distribution, in an empty container, and
//! in the virtual machines of `cargo xtask vm`.

mod libpcap;
pub(crate) mod library;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::ElfFile;
use object::{Endianness, Object as _};
use serde::Deserialize;

use crate::architecture::Architecture;
use crate::remap::Remap;
use crate::{process, workspace};

/// The agent's binary.
const AGENT: &str = "ja4sentinel";

/// Links the C library in, and whatever else the linker finds an archive of.
const FLAG: &str = "-Ctarget-feature=+crt-static";

/// Settings for programs that run for seconds: quickly built, and small, since the machines hold
/// them in memory.
const QUICK: [&str; 3] = [
    "profile.dev.debug=false",
    "profile.dev.strip=\"symbols\"",
    "profile.dev.package.\"*\".opt-level=0",
];

/// What [`agent_and_tests`] built.
pub(crate) struct Programs {
    pub(crate) agent: PathBuf,
    pub(crate) tests: Vec<PathBuf>,
}

/// Builds the agent, and the programs of the package `tests` whose names fit one of the `patterns`. One
/// call of cargo for both, which else would build what they share twice, with other features.
pub(crate) fn agent_and_tests(architecture: Architecture, patterns: &[&str]) -> Result<Programs> {
    let mut cargo = cargo("dev", architecture)?;
    for setting in QUICK {
        cargo.args(["--config", setting]);
    }
    cargo.args(["--package", "ja4sentinel", "--bin", "ja4sentinel"]);
    cargo.args(["--package", "ja4sentinel-tests"]);
    for pattern in patterns {
        cargo.args(["--test", pattern]);
    }
    let features = "ja4sentinel-tests/privileged,ja4sentinel-tests/machine";
    let built = executables(cargo.args(["--features", features]))?;
    let (agents, tests): (Vec<_>, _) =
        built.into_iter().partition(|path| path.file_name().is_some_and(|name| name == AGENT));
    let agent = agents.into_iter().next().context("cargo built no agent")?;
    Ok(Programs { agent, tests })
}

/// Builds the agent for release, without symbols.
pub(crate) fn release_agent() -> Result<PathBuf> {
    let built = executables(cargo("release", Architecture::HOST)?.args([
        "--package",
        AGENT,
        "--bin",
        AGENT,
    ]))?;
    built.into_iter().next().context("cargo built no agent")
}

/// Fails when a program names a loader or a shared library.
pub(crate) fn needs_no_library(program: &[u8]) -> Result<()> {
    let elf = ElfFile::<FileHeader64<Endianness>>::parse(program).context("no 64-bit program")?;
    if elf.section_by_name(".interp").is_some() {
        bail!("it wants a dynamic loader");
    }
    // A static program that may be loaded anywhere has a dynamic section, too.
    let dynamic = elf.elf_dynamic_table()?;
    for entry in dynamic.iter() {
        if entry.tag == DT_NEEDED {
            bail!("it needs {}", String::from_utf8_lossy(dynamic.string(entry)?));
        }
    }
    Ok(())
}

fn cargo(profile: &str, architecture: Architecture) -> Result<Command> {
    let target = architecture.target();
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--locked", "--target", target, "--profile", profile]);
    let mut flags = vec![FLAG.to_owned()];
    if architecture != Architecture::HOST {
        flags.extend(library::provide(architecture, &mut cargo)?);
        let linker = format!("{}-gcc", architecture.gnu());
        cargo.arg("--config").arg(format!("target.{target}.linker=\"{linker}\""));
    }
    cargo.env("CARGO_TARGET_DIR", workspace::target().join("static"));
    flags.extend(Remap::new()?.flags());
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let libpcap = libpcap::build(architecture)?;
    cargo.env("LIBPCAP_LIBDIR", libpcap.folder).env("LIBPCAP_VER", libpcap.version);
    cargo.args(["--config", "profile.release.strip=\"symbols\""]);
    Ok(cargo)
}

/// Runs cargo, shows what it says, and returns the executables that it names.
pub(crate) fn executables(cargo: &mut Command) -> Result<Vec<PathBuf>> {
    let said = process::output_shown(cargo.arg("--message-format=json-render-diagnostics"))?;
    let found = parse(&said)?;
    if found.is_empty() {
        bail!("`{}` built nothing", process::line(cargo));
    }
    Ok(found)
}

fn parse(messages: &str) -> Result<Vec<PathBuf>> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    let mut found = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Message =
            serde_json::from_str(line).context("cargo printed an unexpected message")?;
        found.extend(message.executable);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_test_needs_the_c_library() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(super::needs_no_library(&program).is_err());
    }

    #[test]
    fn cargo_names_what_it_built() {
        let said = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/t/deps/kernel_table-1f\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}\n";
        assert_eq!(super::parse(said).unwrap(), [std::path::Path::new("/t/deps/kernel_table-1f")]);
    }
}
