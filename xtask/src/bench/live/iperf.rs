//! iperf3: what a server can send and receive.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::netns::SERVER_V4;
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::usage;
use serde_json::Value;

use super::stage::Stage;

/// The watched port.
const PORT: &str = "443";
/// How long the server may take to listen.
const LISTENING: Duration = Duration::from_secs(10);

/// Starts the server's end.
pub(super) fn serve(stage: &Stage) -> Result<Process> {
    let mut command = Command::new("iperf3");
    command.args(["--server", "--port", PORT, "--forceflush"]);
    let process = Process::spawn(&mut stage.command(&stage.lab.server, &command))?;
    let listens = wait_until(LISTENING, || process.stdout().contains("listening"));
    ensure!(listens, "iperf3 does not listen: {}", process.stderr());
    Ok(process)
}

/// What was reached, and at what cost.
pub(super) struct Load {
    /// Gigabits a second, as the receiver has them.
    pub(super) throughput: f64,
    /// Milliseconds of CPU time a gigabit, of both ends and of what the kernel does in its own thread.
    /// What else the machine does takes from the throughput, and leaves this alone.
    pub(super) cost: f64,
    gigabits: f64,
}

impl Load {
    /// With so many seconds more of CPU time.
    pub(super) fn with(self, seconds: f64) -> Self {
        Self { cost: self.cost + 1e3 * seconds / self.gigabits, ..self }
    }
}

/// Sends for so many seconds.
pub(super) fn load(stage: &Stage, seconds: u32) -> Result<Load> {
    let mut command = Command::new("iperf3");
    command.args(["--client", &SERVER_V4.to_string(), "--port", PORT]);
    command.args(["--json", "--length", "128K", "--time", &seconds.to_string()]);
    let before = usage::soft_interrupts();
    let said = crate::process::output(&mut stage.command(&stage.lab.client, &command))?;
    let kernel = (usage::soft_interrupts() - before).as_secs_f64();
    let said: Value = serde_json::from_str(&said).context("iperf3 prints no JSON")?;
    let value = |name: &str| {
        let value = said.pointer(&format!("/end/{name}")).and_then(Value::as_f64);
        value.with_context(|| format!("iperf3 names no {name}"))
    };
    let shares = value("cpu_utilization_percent/host_total")?
        + value("cpu_utilization_percent/remote_total")?;
    let ends = shares / 100.0 * value("sum_sent/seconds")?;
    let gigabits = value("sum_received/bytes")? * 8.0 / 1e9;
    ensure!(gigabits > 0.0, "iperf3 sent nothing");
    let throughput = value("sum_received/bits_per_second")? / 1e9;
    Ok(Load { throughput, cost: 1e3 * (ends + kernel) / gigabits, gigabits })
}
