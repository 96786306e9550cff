//! The usual scene: a lab, a TLS server on port 443, and the agent on the server's interface.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::agent::{Agent, Ended, built_binary};
use crate::clients::Client;
use crate::netns::{Lab, Link, SERVER_INTERFACE};
use crate::servers::{Settings, TlsServer};

/// The live backends, which shall not differ in what they see.
pub const BACKENDS: [&str; 2] = ["ebpf", "pcap"];

/// How long a record may be on its way after its client has ended.
const RECORD: Duration = Duration::from_secs(10);

/// A lab with a server and an agent that watches it.
#[derive(Debug)]
pub struct Scene {
    // In the order in which they go.
    agent: Agent,
    server: TlsServer,
    /// Where all of it happens.
    pub lab: Lab,
}

impl Scene {
    /// Sets the scene, with the agent that cargo built.
    pub fn new(link: &Link, server: &Settings, backend: &str) -> Result<Self> {
        let lab = Lab::new(link)?;
        let server = TlsServer::start(&lab, server)?;
        let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", backend];
        let agent = Agent::start(&lab.server, &built_binary()?, &arguments)?;
        Ok(Self { agent, server, lab })
    }

    /// The agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The server.
    pub fn server(&self) -> &TlsServer {
        &self.server
    }

    /// Runs a client against the server at this address, under the client's own host name. Gives
    /// at least `count` records, once they are there.
    pub fn connect(&self, client: &Client, address: IpAddr, count: usize) -> Result<Vec<Value>> {
        let host = client.host();
        self.lab.add_host(&host, address)?;
        let finished = client.run(&self.lab, &host, 443)?;
        ensure!(finished.success(), "{} did not end well: {finished:?}", client.name);
        let records = self.agent.wait_for(count, RECORD, |record| record["sni"] == *host)?;
        let log = self.agent.log();
        ensure!(records.len() >= count, "{}: {} record(s)\n{log}", client.name, records.len());
        Ok(records)
    }

    /// Ends the agent, whose ledger must balance, then all the rest.
    pub fn end(self) -> Result<Ended> {
        self.agent.stop()
    }
}
