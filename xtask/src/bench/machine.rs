//! On what the figures were measured.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::Serialize;

use crate::{process, workspace};

/// The machine, its kernel, and the versions of what was compared.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    cpu: String,
    cpus: usize,
    memory_gib: u64,
    kernel: String,
    system: String,
    compiler: String,
    commit: String,
    /// What the run was asked for.
    command: String,
    /// Load of the machine before the run: what else it had to do.
    load: String,
    rivals: Vec<String>,
}

impl Machine {
    /// Looks at this one.
    pub(super) fn look(command: String, rivals: Vec<String>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpuinfo, meminfo) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let value = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once([':', '=']).map_or("?", |(_, value)| value.trim()).to_owned()
        };
        let kib = value(&meminfo, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0_u64);
        let said = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).current_dir(workspace::root());
            process::output(&mut command)
                .map_or_else(|_| "?".to_owned(), |said| said.trim().to_owned())
        };
        Self {
            cpu: value(&cpuinfo, "model name"),
            cpus: cpuinfo.matches("processor\t").count(),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            system: value(&read("/etc/os-release"), "PRETTY_NAME").trim_matches('"').to_owned(),
            compiler: said("rustc", &["--version"]),
            commit: said("git", &["describe", "--always", "--dirty"]),
            command,
            load: read("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned(),
            rivals,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} ({} CPUs, {} GiB), Linux {}, {}, {}, commit {}; load before: {}.",
            self.cpu,
            self.cpus,
            self.memory_gib,
            self.kernel,
            self.system,
            self.compiler,
            self.commit,
            self.load
        )?;
        writeln!(f, "`{}`. Beside it: {}.", self.command, self.rivals.join(", "))
    }
}
