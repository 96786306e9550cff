//! The asking end.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

/// How long an agent may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer at most; one of a hundred outputs has a hundred thousand.
const ANSWER: u64 = 16 * 1024 * 1024;

/// What an agent may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// For its ledger and counters.
    Stats,
    /// For its log level.
    LogLevel,
    /// To go over to this log level.
    SetLogLevel(String),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stats => f.write_str("stats"),
            Self::LogLevel => f.write_str("log-level"),
            Self::SetLogLevel(level) => write!(f, "log-level {level}"),
        }
    }
}

/// Asks the agent that listens at `socket`.
///
/// # Errors
/// No agent answers there, or it refuses; the message says what to do.
pub fn ask(socket: &Path, request: &Request) -> Result<Value> {
    let exchange = || -> io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{request}\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    };
    let path = socket.display();
    let answer = exchange().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow!(
            "no agent listens at {path}: is it running, and is this its control.socket (--socket)?"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!("{path} is not for this user: ask as root or as the agent's user")
        }
        io::ErrorKind::WouldBlock => anyhow!("the agent at {path} does not answer"),
        _ => anyhow!("{path}: {error}"),
    })?;
    let answer: Value =
        serde_json::from_slice(&answer).with_context(|| format!("{path} is no agent's"))?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => bail!("the agent refuses: {error}"),
        None => Ok(answer),
    }
}
