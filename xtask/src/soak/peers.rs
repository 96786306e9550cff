//! Readers of the outputs: one that is always there, one that goes away, one that stalls.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::netns::Lab;
use serde_json::Value;

use super::configuration::PEER;
use super::phase::Step;
use super::stage::Stage;

/// How long a reader reads before it goes away or stalls.
const PRESENT: Duration = Duration::from_secs(6);
/// How long it is away, or stalls: both queues fill up meanwhile.
const ABSENT: Duration = Duration::from_secs(5);
/// Least, usual and most bytes that TCP holds for a socket, in the server's namespace alone.
const SMALL_BUFFERS: &str = "cd /proc/sys/net/ipv4
    echo 4096 16384 32768 >tcp_rmem
    echo 4096 16384 32768 >tcp_wmem";
/// Between two looks at whether somebody connects, or something came.
const POLL: Duration = Duration::from_millis(50);

/// Where they listen, and what became of them.
#[derive(Debug)]
pub(super) struct Peers {
    reference: UnixListener,
    away: PathBuf,
    stalled: TcpListener,
    /// How often one of them went away or stalled.
    pub(super) failures: AtomicU64,
}

impl Peers {
    pub(super) fn listen(lab: &Lab) -> Result<Self> {
        // Else the kernel's buffers take as much as comes in a minute.
        lab.server.run("sh", &["-c", SMALL_BUFFERS])?;
        let directory = lab.directory();
        let stalled = lab.server.inside(|| TcpListener::bind(PEER))??;
        stalled.set_nonblocking(true)?;
        let reference = UnixListener::bind(directory.join("reference.sock"))?;
        reference.set_nonblocking(true)?;
        let away = directory.join("away.sock");
        Ok(Self { reference, away, stalled, failures: AtomicU64::new(0) })
    }
}

/// Reads the reference to the end, record by record.
pub(super) fn reference(stage: &Stage) -> Result<()> {
    let stream = loop {
        match stage.peers.reference.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("the reference"),
        }
        if !stage.phase.rest(Step::Calm, POLL) {
            return Ok(());
        }
    };
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(POLL))?;
    let mut lines = Lines::default();
    while stage.phase.lasts(Step::Calm) {
        ensure!(
            lines.read(&mut &stream, &mut |line| stage.truth.record(line))?,
            "the agent closed the output that never fails:\n{}",
            stage.agent.log()
        );
    }
    Ok(())
}

/// A reader that takes its socket away, and comes back.
pub(super) fn away(stage: &Stage) -> Result<()> {
    while stage.phase.lasts(Step::Calm) {
        let listener = UnixListener::bind(&stage.peers.away)?;
        listener.set_nonblocking(true)?;
        serve(stage, || {
            listener.accept().map(|(stream, _)| {
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_read_timeout(Some(POLL));
                stream
            })
        })?;
        drop(listener);
        fs::remove_file(&stage.peers.away)?;
        stage.peers.failures.fetch_add(1, Relaxed);
        stage.phase.rest(Step::Load, ABSENT);
    }
    Ok(())
}

/// A peer that stops to read, and goes on; every other time it ends the connection instead.
pub(super) fn stalled(stage: &Stage) -> Result<()> {
    let mut kept = None;
    for round in 0.. {
        if !stage.phase.lasts(Step::Calm) {
            break;
        }
        let stream = serve(stage, || match kept.take() {
            Some(stream) => Ok(stream),
            None => stage.peers.stalled.accept().map(|(stream, _)| {
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_read_timeout(Some(POLL));
                stream
            }),
        })?;
        kept = stream.filter(|_| round % 2 == 0);
        stage.peers.failures.fetch_add(1, Relaxed);
        stage.phase.rest(Step::Load, ABSENT);
    }
    Ok(())
}

/// Takes whoever connects and reads whole records, for [`PRESENT`], and in calm to the end.
fn serve<S: Read>(
    stage: &Stage,
    mut accept: impl FnMut() -> std::io::Result<S>,
) -> Result<Option<S>>
where
    for<'a> &'a S: Read,
{
    let end = Instant::now() + PRESENT;
    let goes_on = || match stage.phase.lasts(Step::Load) {
        true => Instant::now() < end,
        false => stage.phase.lasts(Step::Calm),
    };
    let mut stream: Option<S> = None;
    // The rest of a line that was cut off by a stall comes first.
    let mut lines = Lines { torn: true, ..Lines::default() };
    while goes_on() {
        let Some(open) = &stream else {
            match accept() {
                Ok(accepted) => stream = Some(accepted),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    stage.phase.rest(Step::Calm, POLL);
                }
                Err(error) => return Err(error).context("a reader"),
            }
            continue;
        };
        let is_record = |line: &str| {
            let record: Value =
                serde_json::from_str(line).with_context(|| format!("not a record: {line}"))?;
            ensure!(record.get("ja4").is_some(), "a record without JA4: {line}");
            Ok(())
        };
        if !lines.read(&mut &*open, &mut { is_record })? {
            // A reload took the output away, or changed it.
            stream = None;
            lines = Lines::default();
        }
    }
    Ok(stream)
}

/// Lines as they come in.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    /// Whether the first line may lack its beginning.
    torn: bool,
}

impl Lines {
    /// Reads what is there and hands over each whole line. False at the end of the stream.
    fn read(
        &mut self,
        stream: &mut dyn Read,
        take: &mut dyn FnMut(&str) -> Result<()>,
    ) -> Result<bool> {
        let mut buffer = [0; 64 * 1024];
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(true);
            }
            // A connection that was closed on bytes that nobody read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => return Err(error.into()),
        };
        self.rest.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let whole = self.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in BufReader::new(lines.as_slice()).lines() {
            if !std::mem::take(&mut self.torn) {
                take(&line?)?;
            }
        }
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_are_cut() {
        let mut lines = Lines { torn: true, ..Lines::default() };
        let mut taken = Vec::new();
        for piece in ["st\none\ntw", "o\n", "three"] {
            let mut take = |line: &str| {
                taken.push(line.to_owned());
                Ok(())
            };
            assert!(lines.read(&mut piece.as_bytes(), &mut take).unwrap());
        }
        assert_eq!(taken, ["one", "two"]);
        assert!(!lines.read(&mut [].as_slice(), &mut |_| Ok(())).unwrap());
    }
}
