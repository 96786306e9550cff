//! Captures what arrives at an interface, with tcpdump, while something else looks at it too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::netns::Namespace;
use crate::process::{Process, find_program, wait_until};

/// How long it may take to start, and to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// A running tcpdump.
#[derive(Debug)]
pub struct Tcpdump {
    process: Process,
    file: PathBuf,
}

impl Tcpdump {
    /// Starts capturing whole frames that come in, into `file`, and waits until it does.
    pub fn start(namespace: &Namespace, interface: &str, file: &Path) -> Result<Self> {
        let program = find_program("tcpdump").context("no `tcpdump` program: install tcpdump")?;
        let mut command = namespace.command(program);
        command.args(["-n", "-p", "--immediate-mode", "--packet-buffered", "-s", "0", "-Q", "in"]);
        // As root throughout: the lab's directory is closed to others.
        command.args(["-Z", "root", "-i", interface, "-w"]).arg(file);
        let mut process = Process::spawn(&mut command)?;
        wait_until(DEADLINE, || process.stderr().contains("listening on") || !process.is_running());
        let said = process.stderr();
        ensure!(process.is_running() && said.contains("listening on"), "tcpdump: {said}");
        Ok(Self { process, file: file.to_owned() })
    }

    /// Ends it and gives the file; an error when it missed a packet.
    pub fn stop(self) -> Result<PathBuf> {
        self.process.signal(libc::SIGINT);
        let finished = self.process.finish(DEADLINE);
        let said = &finished.stderr;
        ensure!(finished.success(), "tcpdump did not end well: {said}");
        ensure!(said.contains("\n0 packets dropped by kernel"), "tcpdump missed packets: {said}");
        Ok(self.file)
    }
}
