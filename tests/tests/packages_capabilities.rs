//! The service unit gives the agent the capabilities that it needs, and none more.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::confined::Confinement;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::Process;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const UNIT: &str = include_str!("../../deploy/systemd/ja4sentinel.service");
/// Nobody's, as far as any file of this machine goes.
const USER: u32 = 64_242;
/// How long a record may be on its way, and how long an agent that cannot start may try.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn the_unit_gives_what_each_backend_needs_and_no_more() {
    let given = words("AmbientCapabilities=");
    assert_eq!(given, words("CapabilityBoundingSet="));
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    // The program lies where that user may look.
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let binary = folder.path().join("ja4sentinel");
    std::fs::copy(built_binary().unwrap(), &binary).unwrap();

    for backend in ["ebpf", "pcap"] {
        let all = command(&lab, &binary, &given, backend);
        assert_eq!(record(&lab, all).unwrap(), backend);
    }
    // CAP_PERFMON is for the verifiers of older kernels; the table of the kernel program, which runs
    // on those, shows that: kernel_table/limits.rs.
    let ebpf = ["CAP_BPF", "CAP_NET_ADMIN"];
    for needed in ebpf {
        let others: Vec<&str> = given.iter().copied().filter(|name| *name != needed).collect();
        refuses(command(&lab, &binary, &others, "ebpf"), needed);
    }
    assert_eq!(record(&lab, command(&lab, &binary, &["CAP_NET_RAW"], "pcap")).unwrap(), "pcap");
    let others: Vec<&str> = given.iter().copied().filter(|name| *name != "CAP_NET_RAW").collect();
    assert_eq!(record(&lab, command(&lab, &binary, &others, "ebpf")).unwrap(), "ebpf");
    refuses(command(&lab, &binary, &others, "pcap"), "CAP_NET_RAW");
    assert_eq!(given, ["CAP_BPF", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_PERFMON"]);
}

/// What stands behind `key` in the unit.
fn words(key: &str) -> Vec<&'static str> {
    UNIT.lines().find_map(|line| line.strip_prefix(key)).unwrap().split(' ').collect()
}

fn command(lab: &Lab, binary: &Path, capabilities: &[&str], backend: &str) -> Command {
    let confinement = Confinement { user: USER, capabilities, root: None };
    let mut command = confinement.command(&lab.server, binary.to_str().unwrap()).unwrap();
    command.args(["run", "--interface", SERVER_INTERFACE, "--ports", "443", "--backend", backend]);
    command
}

/// The backend that the record of a client's connection names.
fn record(lab: &Lab, mut command: Command) -> anyhow::Result<String> {
    let agent = Agent::spawn(&mut command)?;
    let client = clients::by_name("openssl").unwrap();
    lab.add_host(&client.host(), SERVER_V4.into())?;
    client.run(lab, &client.host(), 443)?;
    let records = agent.wait_for(1, PATIENCE, |record| record["ja4"].is_string())?;
    agent.stop()?;
    let [record] = records.as_slice() else { anyhow::bail!("{} records", records.len()) };
    Ok(record["backend"].as_str().unwrap_or_default().to_owned())
}

/// The agent must end by itself, with an error that says what to give it.
fn refuses(mut command: Command, missing: &str) {
    let ended = Process::spawn(&mut command).unwrap().finish(PATIENCE);
    let code = ended.status.and_then(|status| status.code());
    assert_eq!(code, Some(1), "without {missing}: {}", ended.stderr);
    let named = match missing {
        "CAP_NET_RAW" => missing.to_owned(),
        ebpf => format!("the process lacks {ebpf}"),
    };
    assert!(ended.stderr.contains(&named), "without {missing}: {}", ended.stderr);
}
