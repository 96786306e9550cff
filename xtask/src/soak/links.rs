//! Interfaces that come, go down and up, get another name, and go.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::bpf::Held;
use ja4sentinel_tests::netns::Namespace;
use ja4sentinel_tests::process::wait_until;

use super::clients::say_hello;
use super::phase::Step;
use super::stage::{FAST_PORT, Stage};

/// Ends of the link, in the lab's two namespaces (RFC 5737).
const SERVER: [u8; 4] = [198, 51, 100, 1];
const CLIENT: [u8; 4] = [198, 51, 100, 2];
/// How soon the agent has to watch what comes.
const FOLLOWED: Duration = Duration::from_secs(60);
/// Between two lives of an interface.
const PAUSE: Duration = Duration::from_millis(500);
/// Hellos over it at each stage of its life: none of them may be lost.
const HELLOS: usize = 3;

/// Lets one interface after the other live through all of that. Gives how many there were.
pub(super) fn run(stage: &Stage) -> Result<u64> {
    let mut lives = 0;
    while stage.phase.rest(Step::Load, PAUSE) {
        live(stage, lives).with_context(|| format!("interface number {lives}"))?;
        lives += 1;
    }
    Ok(lives)
}

fn live(stage: &Stage, number: u64) -> Result<()> {
    let [name, renamed] = [format!("flap{}", number % 100), format!("flapping{}", number % 100)];
    let (server, client) = (&stage.lab.server, &stage.lab.client);
    let peer = client.path();
    let peer = peer.file_name().and_then(|name| name.to_str()).context("a namespace")?;
    let ip = |side: &Namespace, words: &str| {
        side.run("ip", &words.split(' ').collect::<Vec<_>>()).map(drop)
    };
    ip(server, &format!("link add {name} type veth peer name flap-peer netns {peer}"))?;
    for (side, name, [a, b, c, d]) in [(server, &*name, SERVER), (client, "flap-peer", CLIENT)] {
        ip(side, &format!("addr add {a}.{b}.{c}.{d}/24 dev {name}"))?;
        ip(side, &format!("link set {name} up"))?;
    }
    let index = index(server, &name)?;
    let watched = || Held::by(stage.agent.id()).is_ok_and(|held| held.is_attached_to(index));
    let watched = |what: &str| {
        ensure!(wait_until(FOLLOWED, watched), "{what}: not watched\n{}", stage.agent.log());
        Ok(())
    };
    watched("new")?;
    greet(stage)?;

    ip(server, &format!("link set {name} down"))?;
    ip(server, &format!("link set {name} up"))?;
    watched("down and up")?;
    greet(stage)?;

    ip(server, &format!("link set {name} down"))?;
    ip(server, &format!("link set {name} name {renamed}"))?;
    ip(server, &format!("link set {renamed} up"))?;
    watched("renamed")?;
    greet(stage)?;

    ip(server, &format!("link del {renamed}"))
}

fn greet(stage: &Stage) -> Result<()> {
    let server = SocketAddr::from((SERVER, FAST_PORT));
    stage.lab.client.inside(|| (0..HELLOS).try_for_each(|_| say_hello(stage, server, "flap")))?
}

/// The number in `12: flap0@if11: …`.
fn index(side: &Namespace, name: &str) -> Result<u32> {
    let line = side.run("ip", &["-o", "link", "show", "dev", name])?;
    let number = line.split(':').next().unwrap_or_default();
    number.parse().with_context(|| format!("no index: {line}"))
}
