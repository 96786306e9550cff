//! The container image: its own command, in its own root, with the capabilities that an engine is
//! told to give, and no other.

use std::os::unix::fs::chown;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::agent::Agent;
use ja4sentinel_tests::clients;
use ja4sentinel_tests::confined::Confinement;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::Process;
use ja4sentinel_tests::servers::{Settings, TlsServer};
use serde_json::Value;

use crate::deploy::capabilities;
use crate::dist::image::buildah;
use crate::dist::release::{Release, anew};
use crate::process;

/// How long a record may be on its way.
const RECORD: Duration = Duration::from_secs(10);

/// Unpacks the archive and runs it as the engines do: Podman gives a user who is not root what is
/// added, Docker and Kubernetes give it to root alone.
pub(super) fn check(archive: &Path, release: &Release) -> Result<()> {
    let source = format!("oci-archive:{}", archive.display());
    let name = process::output(buildah(release).args(["from", "--quiet", &source]))?;
    let name = name.trim();
    let root = process::output(buildah(release).args(["mount", name]))?;
    let described =
        process::output(buildah(release).args(["inspect", "--type", "container", name]))?;
    let described: Value = serde_json::from_str(&described)?;
    let config = described.pointer("/OCIv1/config").context("the image describes nothing")?;
    let words = |key: &str| -> Result<Vec<String>> {
        serde_json::from_value(config.get(key).cloned().unwrap_or_default())
            .with_context(|| format!("no {key}: {config}"))
    };
    let command = [words("Entrypoint")?, words("Cmd")?].concat();
    let user = config["User"].as_str().unwrap_or_default();
    let user: u32 = user.split(':').next().unwrap_or_default().parse().context("no user")?;
    ensure!(user != 0, "the image's user is root");
    let capabilities = capabilities()?;
    let given: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let root = Path::new(root.trim());
    for user in [user, 0] {
        // The folder that our Kubernetes manifests mount, for the control socket.
        let run = root.join("run/ja4sentinel");
        anew(&run)?;
        chown(&run, Some(user), Some(user))?;
        let root = Some(root);
        records(&Confinement { user, capabilities: &given, root }, &command)
            .with_context(|| format!("as user {user}"))?;
    }
    // Run by the user that the image names; root has what is added in the same way.
    for (missing, backend) in
        [("CAP_BPF", "ebpf"), ("CAP_NET_ADMIN", "ebpf"), ("CAP_NET_RAW", "pcap")]
    {
        let left: Vec<&str> = given.iter().copied().filter(|one| *one != missing).collect();
        let confinement = Confinement { user, capabilities: &left, root: Some(root) };
        refuses(&confinement, &command, backend, missing)?;
    }
    process::output(buildah(release).args(["rm", name]))?;
    println!(
        "check: the image records by eBPF with {}, and names each that is missing",
        given.join(", ")
    );
    Ok(())
}

/// Without one capability that the backend needs it must end, and say which.
fn refuses(
    confinement: &Confinement<'_>,
    command: &[String],
    backend: &str,
    missing: &str,
) -> Result<()> {
    let (program, arguments) = command.split_first().context("the image has no command")?;
    let lab = Lab::new(&Link::default())?;
    let mut run = confinement.command(&lab.server, program)?;
    run.args(arguments).args(["--interface", SERVER_INTERFACE, "--backend", backend]);
    let ended = Process::spawn(&mut run)?.finish(RECORD);
    let code = ended.status.and_then(|status| status.code());
    let named = match backend {
        "ebpf" => format!("the process lacks {missing}"),
        _ => missing.to_owned(),
    };
    ensure!(
        code == Some(1) && ended.stderr.contains(&named),
        "without {missing}, {backend} ended with {code:?}: {}",
        ended.stderr
    );
    let mut doctor = confinement.command(&lab.server, program)?;
    doctor.args(["doctor", "--interface", SERVER_INTERFACE, "--backend", backend]);
    let said = Process::spawn(&mut doctor)?.finish(RECORD).stdout;
    ensure!(said.contains(&format!("{missing} missing")), "the doctor without {missing}: {said}");
    Ok(())
}

/// A client's connection must come out as a record by eBPF.
fn records(confinement: &Confinement<'_>, command: &[String]) -> Result<()> {
    let (program, arguments) = command.split_first().context("the image has no command")?;
    let lab = Lab::new(&Link::default())?;
    let _server = TlsServer::start(&lab, &Settings::default())?;
    let agent = Agent::spawn(confinement.command(&lab.server, program)?.args(arguments))?;
    let client = clients::by_name("openssl").context("openssl is no client")?;
    lab.add_host(&client.host(), SERVER_V4.into())?;
    client.run(&lab, &client.host(), 443)?;
    let records = agent.wait_for(1, RECORD, |record| record["backend"] == "ebpf")?;
    ensure!(records.len() == 1, "{} records by eBPF: {}", records.len(), agent.log());
    // The kubelet's question.
    process::output(confinement.command(&lab.server, program)?.arg("stats"))?;
    agent.stop()?;
    Ok(())
}
