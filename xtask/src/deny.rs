//! `cargo xtask deny`: licences, sources and known holes of everything that is built, by cargo-deny.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::setup::{self, Purpose};
use crate::{process, workspace};

/// Arguments of `cargo xtask deny`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// Fail, too, when the database of advisories cannot be had
    #[arg(long)]
    advisories: bool,
}

/// What needs nothing from outside.
const LOCAL: [&str; 3] = ["bans", "licenses", "sources"];

/// What cargo-deny says when it got no database.
const NO_DATABASE: [&str; 3] =
    ["failed to fetch advisory database", "failed to load advisory database", "unable to fetch"];

/// Runs every check. The database of advisories lies on a host that not every machine reaches: there
/// it is said loudly, and is no failure.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Purpose::Deny, arguments.yes)?;
    process::run(command()?.args(LOCAL))?;
    println!("deny: bans, licences and sources are as .deny.toml wants them");
    let said = command()?.arg("advisories").output()?;
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    if said.status.success() {
        println!("deny: no advisory concerns a dependency");
        return Ok(());
    }
    let unreachable = NO_DATABASE.iter().any(|sign| words.contains(sign));
    if unreachable && !arguments.advisories {
        let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        println!("NOTICE: ADVISORIES WERE NOT CHECKED: their database cannot be had here: {last}");
        return Ok(());
    }
    bail!("advisories:\n{words}");
}

fn command() -> Result<Command> {
    let Some(program) = find() else { bail!("cargo-deny is not there") };
    let mut command = Command::new(program);
    command.current_dir(workspace::root()).args(["--color", "never", "--locked", "check"]);
    Ok(command)
}

/// The version that is installed.
const VERSION: &str = "0.20.2";

/// Looks below cargo's target folder first: there `cargo xtask setup` puts it.
pub(crate) fn find() -> Option<PathBuf> {
    let name = "cargo-deny";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(workspace::tools().join("bin"))
        .chain(std::env::split_paths(&path))
        .chain(std::env::home_dir().map(|home| home.join(".cargo/bin")));
    let mut found = folders.map(|folder| folder.join(name)).filter(|file| file.is_file());
    found.find(|file| process::output(Command::new(file).arg("--version")).is_ok())
}

/// Builds it below cargo's target folder. Without optimisation, which would take far longer than all
/// that it will ever do.
pub(crate) fn install_command() -> Command {
    let mut command = Command::new("cargo");
    command.args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug"]);
    command.arg("--root").arg(workspace::tools());
    command
}
