//! `cargo xtask stopwatch`: runs a program and says, as JSON, what it took. `bench` starts this small
//! process for each measurement: peak memory of a program is never below its starter's.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::usage;
use serde::{Deserialize, Serialize};

use crate::process;

/// Arguments of `cargo xtask stopwatch`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the program's standard input comes from
    #[arg(long, default_value = "/dev/null")]
    stdin: PathBuf,
    /// Where its standard output goes
    #[arg(long, default_value = "/dev/null")]
    stdout: PathBuf,
    /// Where its standard error goes
    #[arg(long, default_value = "/dev/null")]
    stderr: PathBuf,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// What it took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds on the processors.
    pub(crate) cpu: f64,
    /// The most memory it held, bytes.
    pub(crate) peak: u64,
    /// Whether it said that it succeeded.
    success: bool,
}

/// Where a program's standard streams lead.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Streams<'a> {
    pub(crate) stdin: Option<&'a Path>,
    pub(crate) stdout: Option<&'a Path>,
    pub(crate) stderr: Option<&'a Path>,
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (program, rest) = arguments.command.split_first().context("no command")?;
    let open = |path: &Path| File::open(path).with_context(|| format!("{}", path.display()));
    let make = |path: &Path| File::create(path).with_context(|| format!("{}", path.display()));
    let mut command = Command::new(program);
    command.args(rest).stdin(open(&arguments.stdin)?);
    command.stdout(make(&arguments.stdout)?).stderr(make(&arguments.stderr)?);
    let used = usage::of(&mut command)?;
    let reading = Reading {
        wall: used.wall.as_secs_f64(),
        cpu: used.cpu.as_secs_f64(),
        peak: used.peak,
        success: used.status.success(),
    };
    println!("{}", serde_json::to_string(&reading)?);
    Ok(ExitCode::SUCCESS)
}

/// Measures a command by another process of this program. A command that fails is an error.
pub(crate) fn time(command: &Command, streams: Streams<'_>) -> Result<Reading> {
    let mut stopwatch = Command::new(std::env::current_exe()?);
    stopwatch.arg("stopwatch");
    for (name, path) in
        [("--stdin", streams.stdin), ("--stdout", streams.stdout), ("--stderr", streams.stderr)]
    {
        if let Some(path) = path {
            stopwatch.arg(name).arg(path);
        }
    }
    stopwatch.arg("--").arg(command.get_program()).args(command.get_args());
    let said = process::output(stopwatch.stderr(Stdio::inherit()))?;
    let reading: Reading = serde_json::from_str(&said).context("the stopwatch says nonsense")?;
    ensure!(reading.success, "`{}` failed", process::line(command));
    Ok(reading)
}
