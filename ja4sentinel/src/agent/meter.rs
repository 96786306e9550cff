//! The service's numbers, where a scraper can read them.

use std::io::ErrorKind;

use anyhow::{Error, Result};
use tokio::task::JoinHandle;

use super::Board;
use crate::config::Listen;
use crate::metrics::{Listener, serve};

/// Ports from here on are for everybody, unless `net.ipv4.ip_unprivileged_port_start` says otherwise.
const UNPRIVILEGED: u16 = 1024;
/// What those below it take.
const BELOW: &str = " (a port below 1024 takes CAP_NET_BIND_SERVICE, which the agent gives up when it \
                     has started: restart it, or name another port)";

/// Serves the newest snapshot over HTTP, until it is dropped.
pub(super) struct Meter(JoinHandle<()>);

impl Meter {
    /// Begins to serve what stands on the board, if it is to be served at all.
    ///
    /// # Errors
    /// It cannot listen there.
    pub(super) async fn start(listen: Option<&Listen>, board: &Board) -> Result<Option<Self>> {
        let Some(listen) = listen else { return Ok(None) };
        let listener = match listen {
            Listen::Tcp(address) => Listener::tcp(*address).await,
            Listen::Unix(path) => Listener::unix(path).await,
        };
        let listener = listener.map_err(|error| {
            let why = match listen {
                Listen::Tcp(address)
                    if address.port() < UNPRIVILEGED
                        && error.kind() == ErrorKind::PermissionDenied =>
                {
                    BELOW
                }
                _ => "",
            };
            Error::new(error).context(format!("metrics cannot be served at {listen}{why}"))
        })?;
        Ok(Some(Self(tokio::spawn(serve(listener, board.subscribe())))))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
