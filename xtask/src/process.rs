//! Running other programs, with errors that show the whole command line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use ja4sentinel_tests::process::{find_program, is_root};

/// Runs `command` with this program's own standard streams; an exit other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs `command` and returns what it printed to standard output; its standard error is shown
/// only in the error of a failed run.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let bytes = output_bytes(command)?;
    String::from_utf8(bytes).with_context(|| format!("`{}` printed no valid UTF-8", line(command)))
}

/// Like [`output`], where it need not be text.
pub(crate) fn output_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let line = line(command);
    let done =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!("`{line}` failed ({}): {}", done.status, said.trim());
    }
    Ok(done.stdout)
}

/// Like [`output`], with standard error shown while it runs.
pub(crate) fn output_shown(command: &mut Command) -> Result<String> {
    output(command.stderr(Stdio::inherit()))
}

/// A command that runs `program` as root: through sudo unless we are root already.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new(sudo()?);
    command.arg("--").arg(program);
    Ok(command)
}

/// The sudo program.
pub(crate) fn sudo() -> Result<PathBuf> {
    find_program("sudo")
        .context("this needs root: run it as root, or install sudo and allow it for this user")
}

/// The exit code of a finished child as our own.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The command line as a person would type it, for messages.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
