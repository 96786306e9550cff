//! The agent as a process: started in a namespace, its records read, its end awaited.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::netns::Namespace;
use crate::process::{Process, wait_until};

/// How long the agent may take until it watches the interface. The verifier of an emulated machine on
/// a busy host needs most of it.
const READY: Duration = Duration::from_secs(120);
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
        Self::spawn(command.arg("run").args(arguments))
    }

    /// The same for a whole command.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let mut process = Process::spawn(command)?;
        let ready = |process: &Process| message(&process.stderr(), "ready").is_some();
        wait_until(READY, || ready(&process) || !process.is_running());
        if !process.is_running() {
            bail!("the agent ended at start:\n{}", process.finish(END).stderr.trim());
        }
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
        // The last line may be still on its way.
        output.rsplit_once('\n').map_or("", |(complete, _)| complete).lines().map(parse).collect()
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

    /// Asks it to end as Ctrl-C does, and waits for that; an error when it does not end, not with
    /// 0, or its ledger does not balance.
    pub fn stop(self) -> Result<Ended> {
        let ended = self.end()?;
        ensure!(ended.made == ended.records.len() as u64, "records were not written: {ended:?}");
        Ok(ended)
    }

    /// The same where standard output is none of its outputs.
    pub fn end(self) -> Result<Ended> {
        self.signal(libc::SIGINT);
        let finished = self.process.finish(END);
        let log = finished.stderr.trim();
        ensure!(finished.success(), "the agent did not end well ({:?}):\n{log}", finished.status);
        let records = finished.stdout.lines().map(parse).collect::<Result<Vec<_>>>()?;
        let last = message(log, "ended").with_context(|| format!("no last word:\n{log}"))?;
        let number = |name: &str| {
            last.get(name)
                .and_then(Value::as_u64)
                .with_context(|| format!("no number `{name}` in {last}"))
        };
        let ledger = last.get("ledger").and_then(Value::as_str).context("no ledger")?.to_owned();
        check_balance(&ledger)?;
        let (seen, handed_up) = (number("seen")?, number("handed_up")?);
        Ok(Ended { records, made: number("records")?, seen, handed_up, ledger })
    }
}

/// What an agent that has ended leaves.
#[derive(Debug)]
pub struct Ended {
    /// All of its records.
    pub records: Vec<Value>,
    /// Records that it made, whatever its outputs did with them.
    pub made: u64,
    /// Packets that passed the interface.
    pub seen: u64,
    /// Packets that the kernel handed up.
    pub handed_up: u64,
    /// What became of the connections: `8 connections = 5 fingerprinted + 3 no_payload`.
    pub ledger: String,
}

/// The service message of this text, when it is there.
fn message(log: &str, text: &str) -> Option<Value> {
    let mut messages = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.find(|message| message.get("message").is_some_and(|known| known == text))
}

/// An error unless the ledger's line says that the connections are the sum of what became of them.
fn check_balance(ledger: &str) -> Result<()> {
    ensure!(!ledger.contains("does not balance"), "{ledger}");
    let connections = ledger.split(';').next().unwrap_or_default();
    let (all, parts) = connections.split_once(" connections = ").context("no connections")?;
    let mut sum = 0;
    for part in parts.split(" + ") {
        let number = part.split(' ').next().unwrap_or_default();
        sum += number.parse::<u64>().with_context(|| format!("no number: {ledger}"))?;
    }
    ensure!(all.parse::<u64>()? == sum, "the ledger does not balance: {ledger}");
    Ok(())
}

fn parse(line: &str) -> Result<Value> {
    let value: Value =
        serde_json::from_str(line).with_context(|| format!("not a JSON record: {line}"))?;
    ensure!(value.is_object(), "not a JSON object: {line}");
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unbalanced_ledger_is_an_error() {
        check_balance("8 connections = 5 fingerprinted + 1 evicted + 2 in flight").unwrap();
        check_balance("1 connections = 1 fingerprinted; kernel lost 3 ring_full").unwrap();
        assert!(
            check_balance("9 connections = 5 fingerprinted + 1 evicted + 2 in flight").is_err()
        );
        assert!(check_balance("1 connections = 1 fingerprinted; it does not balance").is_err());
        assert!(check_balance("").is_err());
    }

    #[test]
    fn a_message_is_found_by_its_text() {
        let log = "noise\n{\"message\":\"ready\"}\n{\"message\":\"ended\",\"seen\":3}\n";
        assert_eq!(message(log, "ended").unwrap()["seen"], 3);
        assert!(message(log, "other").is_none());
    }
}
