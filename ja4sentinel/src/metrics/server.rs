//! A small HTTP server on a loopback address or a UNIX socket.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::stat::{Mode, fchmod};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::Snapshot;
use super::http;

/// Requests answered at once: a scraper and a probe or two; others wait in the kernel.
const CONNECTIONS: usize = 8;
/// Longest head of a request; Prometheus sends less than 500 bytes.
const HEAD: u64 = 4096;
/// A request that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// Owner and group may connect to a UNIX socket.
const MODE: u32 = 0o660;

/// Where requests come from.
#[derive(Debug)]
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A UNIX socket, removed in the end.
    Unix(UnixListener, Removed),
}

/// A path that is removed when this goes.
#[derive(Debug)]
pub struct Removed(PathBuf);

impl Removed {
    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Listens on a TCP address.
    ///
    /// # Errors
    /// The address is in use or not ours.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::Tcp(TcpListener::bind(address).await?))
    }

    /// Listens on a UNIX socket. A socket that nobody listens on, as a crash leaves it, is
    /// replaced.
    ///
    /// # Errors
    /// The path is in use, is something else, or cannot be made.
    pub async fn unix(path: &Path) -> io::Result<Self> {
        let (listener, removed) = bind_unix(path, MODE).await?;
        Ok(Self::Unix(listener, removed))
    }
}

/// Listens on a UNIX socket with this mode, which is removed in the end. A socket that nobody
/// listens on, as a crash leaves it, is replaced.
///
/// # Errors
/// The path is in use, is something else, or cannot be made.
pub async fn bind_unix(path: &Path, mode: u32) -> io::Result<(UnixListener, Removed)> {
    let is_socket = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
    if is_socket && UnixStream::connect(path).await.is_err() {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // The path appears with this mode at most: nobody else gets in before it is set.
    fchmod(&socket, Mode::from_bits_truncate(mode))?;
    socket.bind(&SockAddr::unix(path)?)?;
    let removed = Removed(path.to_owned());
    std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    Ok((listener, removed))
}

/// Answers requests with the newest snapshot, until it is dropped.
pub async fn serve(listener: Listener, snapshots: watch::Receiver<Arc<Snapshot>>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let snapshots = snapshots.clone();
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(async move {
                    answer(stream, &snapshots).await;
                    drop(place);
                });
            }),
            Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| {
                tokio::spawn(async move {
                    answer(stream, &snapshots).await;
                    drop(place);
                });
            }),
        };
        if let Err(error) = accepted {
            // Out of descriptors, most likely; asking again at once would burn the processor.
            tracing::debug!(%error, "a request was not accepted");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    snapshots: &watch::Receiver<Arc<Snapshot>>,
) {
    let _ = timeout(PATIENCE, async {
        let response = match head(&mut stream).await? {
            Some(head) => {
                let snapshot = Arc::clone(&snapshots.borrow());
                http::respond(&head, &snapshot)
            }
            None => http::too_long(),
        };
        stream.write_all(&response).await?;
        stream.shutdown().await
    })
    .await;
}

/// The head of a request; `None` when it is too long.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<String>> {
    let mut stream = stream.take(HEAD);
    let mut head = Vec::new();
    while !ends(&head) {
        if stream.read_buf(&mut head).await? == 0 {
            let cut = stream.limit() > 0;
            return if cut { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

fn ends(head: &[u8]) -> bool {
    head.windows(4).any(|end| end == b"\r\n\r\n") || head.windows(2).any(|end| end == b"\n\n")
}
