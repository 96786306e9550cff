//! The service's numbers, where a scraper can read them.

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

use super::Board;
use crate::config::Listen;
use crate::metrics::{Listener, serve};

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
        let listener = listener.with_context(|| format!("metrics cannot be served at {listen}"))?;
        Ok(Some(Self(tokio::spawn(serve(listener, board.subscribe())))))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.abort();
    }
}
