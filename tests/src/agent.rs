//! The agent as a process: started in a namespace, its records read, its end awaited.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::netns::Namespace;
use crate::process::{Finished, Process, wait_until};

/// How long the agent may take until it watches the interface.
const READY: Duration = Duration::from_secs(20);
/// How long it may take to end after a signal.
const END: Duration = Duration::from_secs(15);

/// The agent that cargo built beside the running test or command.
pub fn built_binary() -> Result<PathBuf> {
    let here = std::env::current_exe().context("cannot find the running program")?;
    here.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("ja4sentinel"))
        .find(|file| file.is_file())
        .context("the agent is not built: run `cargo build -p ja4sentinel` or `cargo xtask test`")
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    process: Process,
}

impl Agent {
    /// Starts `ja4sentinel run` with these arguments and waits until it says it is ready.
    pub fn start(namespace: &Namespace, binary: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = namespace.command(binary);
        command.arg("run").args(arguments);
        let mut process = Process::spawn(&mut command)?;
        let ready = |process: &Process| process.stderr().contains("ready");
        wait_until(READY, || ready(&process) || !process.is_running());
        ensure!(process.is_running(), "the agent ended at start:\n{}", process.stderr().trim());
        ensure!(ready(&process), "the agent was not ready in {READY:?}:\n{}", process.stderr());
        Ok(Self { process })
    }

    /// Its process identifier.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The records up to now; an error when a line is no JSON object.
    pub fn records(&self) -> Result<Vec<Value>> {
        let output = self.process.stdout();
        let complete = output.rfind('\n').map_or("", |end| output.get(..end).unwrap_or_default());
        complete.lines().map(parse).collect()
    }

    /// Waits until `count` records answer to `wanted`; gives those that do, maybe fewer.
    pub fn wait_for(
        &self,
        count: usize,
        deadline: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>> {
        let mut found = Ok(Vec::new());
        wait_until(deadline, || {
            found = self
                .records()
                .map(|records| records.into_iter().filter(|record| wanted(record)).collect());
            found.as_ref().map_or(true, |found: &Vec<Value>| found.len() >= count)
        });
        found
    }

    /// Sends it a signal.
    pub fn signal(&self, number: i32) {
        self.process.signal(number);
    }

    /// Its messages up to now.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// Asks it to end as Ctrl-C does, and waits for that; an error when it does not, or not with 0.
    pub fn stop(self) -> Result<Finished> {
        self.signal(libc::SIGINT);
        let finished = self.process.finish(END);
        if !finished.success() {
            bail!("the agent did not end well ({:?}):\n{}", finished.status, finished.stderr);
        }
        Ok(finished)
    }
}

fn parse(line: &str) -> Result<Value> {
    let value: Value =
        serde_json::from_str(line).with_context(|| format!("not a JSON record: {line}"))?;
    ensure!(value.is_object(), "not a JSON object: {line}");
    Ok(value)
}
