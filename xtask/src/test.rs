//! `cargo xtask test`: all tests, those included that need root, and what they counted.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::ops::AddAssign;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use ja4sentinel_tests::notice::NOTICES_FILE;
use ja4sentinel_tests::process::{is_root, search_path};

use crate::setup::{self, Purpose};
use crate::{process, workspace};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// Arguments for `cargo test`, after `--`: a test's name, `--test FILE`, `-- --nocapture`
    #[arg(last = true)]
    cargo: Vec<OsString>,
}

/// Sets up, runs every test, and prints the test runner's own counts and the tests' notices.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    setup::ensure(Purpose::Test, arguments.yes)?;
    // The tests of the whole agent run its binary, which cargo does not build for them.
    workspace::build_agent()?;

    let notices = notices_file()?;
    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    command.args(["--features", "ja4sentinel-tests/privileged"]);
    command.args(&arguments.cargo).env(NOTICES_FILE, &notices);
    if !is_root() {
        command.arg("--config").arg(run_as_root()?);
    }
    ja4sentinel_tests::interrupt::leave_to_children()?;
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let counts = show_and_count(BufReader::new(output), std::io::stdout().lock())?;
    let status = child.wait()?;

    for notice in std::fs::read_to_string(&notices).unwrap_or_default().lines() {
        println!("NOTICE: {notice}");
    }
    println!(
        "tests: {} passed, {} failed, {} ignored, {} filtered out, in {} binaries",
        counts.passed, counts.failed, counts.ignored, counts.filtered_out, counts.binaries
    );
    if status.success() && counts.passed == 0 {
        bail!("no test ran");
    }
    Ok(process::exit_code(status))
}

/// An empty file that everyone may append to.
fn notices_file() -> Result<PathBuf> {
    let path = workspace::target().join("test-notices.txt");
    std::fs::write(&path, "").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A setting of cargo that runs what it built by sudo, in this very environment: of that, sudo
/// replaces the path even when it keeps the rest. Root's own directories are added, as a user's path
/// need not have them.
fn run_as_root() -> Result<String> {
    let sudo = process::sudo()?.display().to_string();
    let path = std::env::join_paths(search_path()).context("PATH")?;
    let path = format!("PATH={}", path.to_string_lossy());
    let words = [&sudo, "--preserve-env", "--", "env", &path];
    // A list of strings is written alike in JSON and TOML.
    Ok(format!("target.'{}'.runner={}", host()?, serde_json::to_string(&words)?))
}

/// The host's target, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = process::output(Command::new(rustc).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

/// What the test runner counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    binaries: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
    filtered_out: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.binaries += other.binaries;
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.filtered_out += other.filtered_out;
    }
}

/// Passes the output on and sums the result lines in it.
fn show_and_count(output: impl BufRead, mut screen: impl Write) -> Result<Counts> {
    let mut counts = Counts::default();
    for line in output.split(b'\n') {
        let line = line?;
        screen.write_all(&line)?;
        screen.write_all(b"\n")?;
        if let Some(more) = result_line(&String::from_utf8_lossy(&line)) {
            counts += more;
        }
    }
    Ok(counts)
}

/// Reads `test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; …`.
fn result_line(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts { binaries: 1, ..Counts::default() };
    for part in numbers.split("; ") {
        let Some((number, what)) = part.split_once(' ') else { continue };
        let field = match what {
            "passed" => &mut counts.passed,
            "failed" => &mut counts.failed,
            "ignored" => &mut counts.ignored,
            "filtered out" => &mut counts.filtered_out,
            _ => continue,
        };
        *field = number.parse().ok()?;
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_result_lines_are_summed() {
        let output = "running 5 tests\ntest a ... ok\n\
            test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished\n\
            test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; in 1s\n";
        let wanted = Counts { binaries: 2, passed: 5, failed: 3, ignored: 1, filtered_out: 2 };
        assert_eq!(show_and_count(output.as_bytes(), std::io::sink()).unwrap(), wanted);
    }
}
