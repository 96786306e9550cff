//! `cargo xtask demo`: the main job at work, from real clients' packets in the kernel to records.

mod portrait;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::agent::Agent;
use ja4sentinel_tests::clients::{self, Client, Kind};
use ja4sentinel_tests::interrupt;
use ja4sentinel_tests::netns::{CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::is_root;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

use crate::setup::{self, Purpose};
use crate::{process, workspace};

/// Port of the server.
const PORT: u16 = 443;
/// How long a record may be on its way after its client has ended.
const RECORD: Duration = Duration::from_secs(5);

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// The agent, already built: what this command passes to itself when it becomes root
    #[arg(long, hide = true)]
    agent: Option<PathBuf>,
}

/// Sets up and builds as the present user, then goes on as root.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if let Some(agent) = &arguments.agent {
        return perform(agent);
    }
    setup::ensure(Purpose::Demo, arguments.yes)?;
    let agent = workspace::build_agent()?;
    if is_root() {
        return perform(&agent);
    }
    println!("The rest needs root, for network namespaces and eBPF.");
    let mut command = process::as_root(std::env::current_exe()?)?;
    command.arg("demo").arg("--agent").arg(&agent);
    interrupt::leave_to_children()?;
    let status = command.status().context("cannot start sudo")?;
    Ok(process::exit_code(status))
}

/// The demonstration itself. All that it makes belongs to the lab and goes with it.
fn perform(binary: &Path) -> Result<ExitCode> {
    let lab = Lab::new(&Link::default())?;
    let _server = TlsServer::start(&lab, &Settings { port: PORT, ..Settings::default() })?;
    let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "ebpf"];
    let agent = Agent::start(&lab.server, binary, &arguments)?;
    println!(
        "Two network namespaces: clients at {CLIENT_V4}, openssl s_server at {SERVER_V4}:{PORT},\n\
         the agent attached to the server's interface by eBPF.\n"
    );

    let mut shown = Vec::new();
    let mut missed = Vec::new();
    for client in clients::installed().filter(|client| client.kind != Kind::Toolchain) {
        let records = watch(&lab, &agent, client)?;
        if records.is_empty() {
            missed.push(client.name);
        }
        shown.extend(records);
    }

    let log = agent.log();
    let ended = agent.stop()?;
    // A browser may open another connection when its first is shown already.
    for record in ended.records.iter().filter(|record| !shown.contains(record)) {
        println!("{}", portrait::record("(later)", record));
    }
    println!(
        "The kernel program saw {} packets and handed {} of them up; {} records.\n{}",
        ended.seen,
        ended.handed_up,
        ended.records.len(),
        ended.ledger
    );
    ensure!(missed.is_empty(), "no record of {}; the agent says:\n{log}", missed.join(", "));
    Ok(ExitCode::SUCCESS)
}

/// Runs one client and shows the records of its connections.
fn watch(lab: &Lab, agent: &Agent, client: &Client) -> Result<Vec<Value>> {
    let host = client.host();
    lab.add_host(&host, SERVER_V4.into())?;
    let finished = client.run(lab, &host, PORT)?;
    let records =
        agent.wait_for(1, RECORD, |record| record.get("sni").is_some_and(|sni| *sni == host))?;
    for record in &records {
        println!("{}", portrait::record(client.name, record));
    }
    if !finished.success() {
        println!("{}: did not end well: {}\n", client.name, finished.stderr.trim());
    }
    Ok(records)
}
