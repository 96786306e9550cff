//! Child processes that end when their owner does.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How long a process may take to end after SIGTERM, before SIGKILL.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// How long to wait for the last output of a process that has ended.
const OUTPUT_GRACE: Duration = Duration::from_secs(1);
/// Pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(10);

/// Whether this process has root's privileges.
pub fn is_root() -> bool {
    // SAFETY: geteuid takes nothing, cannot fail, and touches no memory of ours.
    unsafe { libc::geteuid() == 0 }
}

/// The directories of the path, then those that only root's path names.
pub fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).collect()
}

/// Finds a program in one of the directories of [`search_path`].
pub fn find_program(name: &str) -> Option<PathBuf> {
    search_path().into_iter().map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Looks at a condition until it holds; false when the deadline passed before.
pub fn wait_until(deadline: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Sends a signal to one process.
pub fn signal(process_id: u32, signal: i32) {
    if let Ok(process_id) = libc::pid_t::try_from(process_id)
        && process_id > 0
    {
        // SAFETY: kill touches no memory of ours, and the number names one process.
        unsafe { libc::kill(process_id, signal) };
    }
}

/// The running processes that descend from this one.
pub fn descendants(process_id: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // Name in brackets, state, parent (proc(5)).
            let (_, behind_name) = stat.rsplit_once(") ")?;
            Some((process, behind_name.split(' ').nth(1)?.parse().ok()?))
        })
        .collect();
    let mut found = vec![process_id];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| process));
        next += 1;
    }
    found.split_off(1)
}

/// What a process that has ended leaves.
#[derive(Debug)]
pub struct Finished {
    /// How it ended; `None` when the deadline passed and it was killed.
    pub status: Option<ExitStatus>,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl Finished {
    /// Whether it ended by itself, with exit code 0.
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// A running child in a process group of its own; dropping it kills the group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Capture,
    stderr: Capture,
}

impl Process {
    /// Starts a command with no standard input and both outputs captured.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let stdout = Capture::of(child.stdout.take());
        let stderr = Capture::of(child.stderr.take());
        Ok(Self { child, stdout, stderr })
    }

    /// Its process identifier.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output up to now.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Its standard error up to now.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub fn signal(&self, number: i32) {
        signal(self.id(), number);
    }

    /// Waits for its end; past the deadline it is killed, with all of its group.
    pub fn finish(mut self, deadline: Duration) -> Finished {
        let mut status = None;
        wait_until(deadline, || match self.child.try_wait() {
            Ok(None) => false,
            Ok(ended) => {
                status = ended;
                true
            }
            Err(_) => true,
        });
        self.end();
        Finished { status, stdout: self.stdout.finish(), stderr: self.stderr.finish() }
    }

    /// Ends the process and all of its group, kindly first.
    fn end(&mut self) {
        if self.is_running() {
            self.signal_group(libc::SIGTERM);
            wait_until(TERM_GRACE, || !self.is_running());
        }
        self.signal_group(libc::SIGKILL);
        let _ = self.child.wait();
    }

    fn signal_group(&self, number: i32) {
        if let Ok(group) = libc::pid_t::try_from(self.id())
            && group > 1
        {
            // SAFETY: kill touches no memory of ours; the group is the one made for this child.
            unsafe { libc::kill(-group, number) };
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that reads a pipe to its end.
#[derive(Debug)]
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&bytes);
        let reader = pipe.map(|mut pipe| {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count) = pipe.read(&mut buffer)
                    && count > 0
                {
                    let read = buffer.get(..count).unwrap_or_default();
                    sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(read);
                }
            })
        });
        Self { bytes, reader }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The text once the pipe is closed, or soon after: a stray descendant may still hold it.
    fn finish(&self) -> String {
        wait_until(OUTPUT_GRACE, || self.reader.as_ref().is_none_or(JoinHandle::is_finished));
        self.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::spawn(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn output_and_exit_code_are_kept() {
        let finished = shell("echo out; echo err >&2; exit 3").finish(Duration::from_secs(10));
        assert_eq!(finished.stdout, "out\n");
        assert_eq!(finished.stderr, "err\n");
        assert_eq!(finished.status.unwrap().code(), Some(3));
    }

    #[test]
    fn past_the_deadline_the_whole_group_dies() {
        let process = shell("sleep 600 & echo $!; wait");
        assert!(wait_until(Duration::from_secs(10), || process.stdout().ends_with('\n')));
        let sleeper: u32 = process.stdout().trim().parse().unwrap();
        assert_eq!(descendants(process.id()), [sleeper]);
        let finished = process.finish(Duration::from_millis(50));
        assert!(finished.status.is_none());
        let running = || {
            std::fs::read_to_string(format!("/proc/{sleeper}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        };
        assert!(wait_until(Duration::from_secs(5), || !running()), "sleep survived");
    }
}
