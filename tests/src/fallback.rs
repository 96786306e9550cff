//! What the agent does where eBPF cannot be used: with `auto` it goes on by libpcap and says why in
//! one line, with `ebpf` it ends and names the remedy, and `doctor` knows it beforehand.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::agent::Agent;
use crate::known::{HELLO, HELLO_JA4};
use crate::process::{Finished, Process};
use crate::unnamed::Unnamed;

/// How long a record may be on its way, and how long a program may take that cannot do its work.
const PATIENCE: Duration = Duration::from_secs(60);
/// The watched interface.
const WATCH: [&str; 4] = ["--interface", "lo", "--ports", "443"];

/// What stands in the way of eBPF.
pub struct Obstacle<'a> {
    /// Puts it in the way of a program that is about to start.
    pub prepare: &'a (dyn Fn(&mut Command) + Sync),
    /// What the agent must say of it.
    pub why: &'a str,
    /// What it must advise.
    pub remedy: &'a str,
}

/// Tries all three in a namespace of their own; an error says what is not as it should be.
pub fn check(binary: &Path, obstacle: &Obstacle<'_>) -> Result<()> {
    let namespace = Unnamed::new()?;
    let program = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        command.args(arguments);
        (obstacle.prepare)(&mut command);
        command
    };
    let start = |arguments: &[&str]| -> Result<Finished> {
        let arguments = [arguments, &WATCH].concat();
        let process = Process::spawn(&mut program(&arguments))?;
        Ok(process.finish(PATIENCE))
    };
    // A command's own thread decides where it runs.
    let (auto, refused, doctor, advice) = (
        &["run", "--backend", "auto"],
        &["run", "--backend", "ebpf"],
        &["doctor", "--backend", "ebpf"],
        &["doctor", "--backend", "auto"],
    );
    namespace.inside(|| -> Result<()> {
        let mut run = program(&[&auto[..], &WATCH].concat());
        falls_back(Agent::spawn(&mut run)?, obstacle).context("run --backend auto")?;

        let refused = start(refused)?;
        ensure!(code(&refused) == Some(1), "run --backend ebpf: {refused:?}");
        for wanted in [obstacle.why, obstacle.remedy] {
            ensure!(refused.stderr.contains(wanted), "run --backend ebpf: {}", refused.stderr);
        }

        let doctor = start(doctor)?;
        ensure!(code(&doctor) == Some(1), "doctor --backend ebpf: {doctor:?}");
        ensure!(doctor.stdout.contains(obstacle.why), "doctor --backend ebpf: {}", doctor.stdout);
        let advice = start(advice)?;
        let falls_back = "pcap, as eBPF does not work";
        ensure!(advice.success() && advice.stdout.contains(falls_back), "doctor: {advice:?}");
        Ok(())
    })?
}

fn code(finished: &Finished) -> Option<i32> {
    finished.status.and_then(|status| status.code())
}

/// A hello must be recorded by libpcap, and the log must say why in one line.
fn falls_back(agent: Agent, obstacle: &Obstacle<'_>) -> Result<()> {
    let record = hello(&agent)?;
    let is = |value: &Value, key: &str, wanted: &str| value.get(key).is_some_and(|it| it == wanted);
    ensure!(is(&record, "backend", "pcap") && is(&record, "ja4", HELLO_JA4), "{record}");
    let log = agent.log();
    agent.stop()?;
    let about: Vec<&str> = log.lines().filter(|line| line.contains("eBPF")).collect();
    let [line] = about[..] else { anyhow::bail!("not one line about it:\n{log}") };
    let line: Value = serde_json::from_str(line)?;
    let why = line.get("why").and_then(Value::as_str).unwrap_or_default();
    ensure!(is(&line, "backend", "pcap") && why.contains(obstacle.why), "{line}");
    ensure!(why.contains(obstacle.remedy), "no remedy: {line}");
    ensure!(why.matches("failed to").count() <= 1, "its cause more than once: {line}");
    let levels = ["\"level\":\"warn\"", "\"level\":\"error\""];
    let troubled = log.lines().any(|line| levels.iter().any(|level| line.contains(level)));
    ensure!(!troubled, "more than one line about it:\n{log}");
    Ok(())
}

/// Sends a hello over the loopback interface of this thread's namespace, and gives its record.
pub fn hello(agent: &Agent) -> Result<Value> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 443))?;
    let mut client = TcpStream::connect(server.local_addr()?)?;
    client.write_all(HELLO)?;
    let records = agent.wait_for(1, PATIENCE, |record| record["ja4"].is_string())?;
    records.into_iter().next().with_context(|| format!("no record\n{}", agent.log()))
}
