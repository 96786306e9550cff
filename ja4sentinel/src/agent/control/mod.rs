//! The control socket: `ja4sentinel stats` and `ja4sentinel log-level` ask a running agent.
//!
//! A client sends one line, gets one line of JSON, and that is all. Only the agent's own user and
//! root are answered.

mod answer;
mod client;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::geteuid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Board;
use crate::metrics::{Removed, Snapshot, bind_unix};

pub use client::{Request, ask};

/// Clients answered at once: people at terminals; others wait in the kernel.
const CLIENTS: usize = 4;
/// A client that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a request at most, its end of line included.
const REQUEST: u64 = 64;
/// Only the owner may connect.
const MODE: u32 = 0o600;
/// A directory that is made for the socket.
const DIRECTORY_MODE: u32 = 0o750;

/// Answers until it is dropped.
pub(super) struct Control {
    server: JoinHandle<()>,
    // In the order in which they go.
    socket: Removed,
    directory: Option<Directory>,
}

impl Control {
    /// Begins to answer from what stands on the board. The directory of the socket is made when it
    /// is missing, and removed in the end.
    ///
    /// # Errors
    /// The socket cannot be made, or another agent answers there.
    pub(super) async fn start(path: &Path, board: &Board) -> Result<Self> {
        let directory = path.parent().and_then(Directory::make);
        let bound = bind_unix(path, MODE).await;
        let (listener, socket) = bound.with_context(|| path.display().to_string())?;
        let server = tokio::spawn(serve(listener, board.subscribe()));
        Ok(Self { server, socket, directory })
    }

    /// What was made for it: the socket, and maybe its directory.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let directory = self.directory.as_ref().map(|made| made.0.as_path());
        std::iter::once(self.socket.path()).chain(directory)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A directory that we made. It is removed when it is empty then.
struct Directory(PathBuf);

impl Directory {
    /// `None` when it was there before, or cannot be made, which the socket will tell.
    fn make(path: &Path) -> Option<Self> {
        let made = DirBuilder::new().mode(DIRECTORY_MODE).create(path);
        made.is_ok().then(|| Self(path.to_owned()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

async fn serve(listener: UnixListener, snapshots: watch::Receiver<Arc<Snapshot>>) {
    let places = Arc::new(Semaphore::new(CLIENTS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let snapshots = snapshots.clone();
                tokio::spawn(async move {
                    let _ = timeout(PATIENCE, converse(stream, &snapshots)).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely; asking again at once would burn the processor.
                tracing::debug!(%error, "a client was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Reads a line, writes a line.
async fn converse(
    mut stream: UnixStream,
    snapshots: &watch::Receiver<Arc<Snapshot>>,
) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    // Read also when it is refused: a connection closed with bytes unread is reset, and the answer
    // with it.
    let request = request(&mut stream).await?;
    let answer = if peer == geteuid().as_raw() || peer == 0 {
        let snapshot = Arc::clone(&snapshots.borrow());
        answer::to(&request, &snapshot)
    } else {
        answer::refusal("only the agent's own user and root are answered")
    };
    stream.write_all(format!("{answer}\n").as_bytes()).await?;
    stream.shutdown().await
}

/// The line that was sent; cut off where it is too long, which makes it no request.
async fn request(stream: &mut UnixStream) -> io::Result<String> {
    let mut stream = stream.take(REQUEST);
    let mut line = Vec::new();
    while !line.ends_with(b"\n") && stream.read_buf(&mut line).await? > 0 {}
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
