//! Where it happens: a lab with servers, the agent, and what all threads share.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ja4sentinel_tests::agent::Agent;
use ja4sentinel_tests::netns::{Lab, Link};
use ja4sentinel_tests::scrape::Figures;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use ja4sentinel_tests::tmpfs::Tmpfs;

use super::configuration::{self, METRICS, Variant};
use super::disk::SIZE;
use super::peers::Peers;
use super::phase::Phase;
use super::truth::Truth;

/// Port of a real TLS server, for programs.
pub(super) const TLS_PORT: u16 = 443;
/// Port of a server that reads what comes and closes, for many connections a second.
pub(super) const FAST_PORT: u16 = 8443;

/// Everything, in the order in which it goes.
#[derive(Debug)]
pub(super) struct Stage {
    /// The agent under test.
    pub(super) agent: Agent,
    _server: TlsServer,
    /// For [`FAST_PORT`].
    pub(super) fast: TcpListener,
    /// What outputs write to.
    pub(super) peers: Peers,
    /// Where one output writes its file.
    pub(super) disk: Tmpfs,
    /// The agent's configuration file.
    config: PathBuf,
    /// How far the run is.
    pub(super) phase: Phase,
    /// What was sent and what was recorded.
    pub(super) truth: Truth,
    /// The namespaces.
    pub(super) lab: Lab,
}

impl Stage {
    /// Makes the lab and starts everything but the traffic.
    pub(super) fn new(binary: &Path) -> Result<Self> {
        let lab = Lab::new(&Link::default())?;
        let server = TlsServer::start(&lab, &Settings { port: TLS_PORT, ..Settings::default() })?;
        let fast = lab.server.inside(|| TcpListener::bind(("::", FAST_PORT)))??;
        let peers = Peers::listen(&lab)?;
        let disk = Tmpfs::mount(lab.directory().join("disk"), SIZE)?;
        let config = lab.directory().join("config.yml");
        write(&config, &configuration::text(&lab.directory(), Variant::Plain))?;
        let path = config.to_str().context("a path that is no text")?;
        let agent = Agent::start(&lab.server, binary, &["--config", path])?;
        let (phase, truth) = (Phase::new(), Truth::default());
        Ok(Self { agent, _server: server, fast, peers, disk, config, phase, truth, lab })
    }

    /// Puts another configuration in the old one's place.
    pub(super) fn configure(&self, variant: Variant) -> Result<()> {
        write(&self.config, &configuration::text(&self.lab.directory(), variant))
    }

    /// What the agent counts.
    pub(super) fn figures(&self) -> Result<Figures> {
        Figures::scrape(&self.lab.server, METRICS)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
