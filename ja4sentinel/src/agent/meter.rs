//! The service's numbers, where somebody can read them.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Listen;
use crate::metrics::{Listener, Snapshot, serve};

/// Serves the newest snapshot over HTTP, until it is dropped.
pub(super) struct Meter {
    snapshots: watch::Sender<Arc<Snapshot>>,
    server: JoinHandle<()>,
}

impl Meter {
    /// Begins to serve.
    ///
    /// # Errors
    /// It cannot listen there.
    pub(super) async fn start(listen: &Listen, first: Snapshot) -> Result<Self> {
        let listener = match listen {
            Listen::Tcp(address) => Listener::tcp(*address).await,
            Listen::Unix(path) => Listener::unix(path).await,
        };
        let listener = listener.with_context(|| format!("metrics cannot be served at {listen}"))?;
        let (snapshots, receiver) = watch::channel(Arc::new(first));
        Ok(Self { snapshots, server: tokio::spawn(serve(listener, receiver)) })
    }

    /// Takes a new snapshot.
    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}
