//! A million SYNs that lead to nothing, while real clients connect: whose hellos are recorded?

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::injection::Injector;
use ja4sentinel_tests::load::{self, Connection};
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, CLIENT_V4};

use super::clients::{self, HELLO, JA3, JA4, SERVER, Syns};
use super::sniffer::{Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::Tuple;
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::Judge;
use crate::bench::spread::Spread;

const PART: &str = "flood";
const SYNS: u32 = 1_000_000;
const QUICK_SYNS: u32 = 50_000;
/// Connections that have to come about beside the flood, or it shows nothing.
const LEAST: usize = 50;
const ALL: [Kind; 4] = [Kind::Agent, Kind::Huginn, Kind::Suricata, Kind::Tshark];

/// Floods each in turn.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let syns = if bench.quick { QUICK_SYNS } else { SYNS };
    let wanted = if bench.quick { &[Kind::Agent][..] } else { &ALL[..] };
    let mut figures = Vec::new();
    for kind in Kind::present(wanted, &bench.rivals) {
        bench.say(&format!("flood of {syns} SYNs: {}", kind.name()));
        figures.push(flood(bench, kind, syns)?);
    }
    Ok(figures)
}

fn flood(bench: &Bench, kind: Kind, syns: u32) -> Result<Figure> {
    let stage = Stage::new(Frames::Gso, false)?;
    // The server answers, as it would, until it has to use cookies.
    let route = ["route", "add", clients::NETWORK, "via", &CLIENT_V4.to_string()];
    stage.lab.server.run("ip", &route)?;
    let sniffer = Sniffer::start(bench, &stage, kind)?;
    let send = || stage.lab.client.inside(|| send(syns));
    let servers = [SocketAddr::from(SERVER)];
    let (sent, connections) = load::under_load(&stage.lab, &servers, HELLO, send)?;
    sent??;
    sniffer.settle()?;
    let found = sniffer.stop()?.context("it reports no hellos")?;
    let made = connections.len();
    ensure!(made >= LEAST, "only {made} clients could connect beside the flood");
    let judge = Judge::of_same(connections.iter().filter_map(tuple), JA4, JA3);
    let score = judge.judge(found);
    if kind == Kind::Agent {
        ensure!(score.is_perfect(), "hellos of real clients are missing or wrong: {score:?}");
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let kept = 100.0 * score.right as f64 / score.needed as f64;
    let what = format!("SYN flood ({syns}): hellos of real clients recorded");
    let figure = Figure::new(PART, what, kind.name(), "%", Spread::of([kept]).context("no run")?);
    let mark = (kind == Kind::Agent).then_some(Mark::AtLeast(100.0));
    Ok(figure.with_mark(mark).with_score(Some(score)))
}

fn send(count: u32) -> Result<()> {
    let injector = Injector::open(CLIENT_INTERFACE)?;
    let mut syns = Syns::new();
    for n in 0..count {
        injector.send(syns.of(n)).context("cannot send a SYN")?;
    }
    Ok(())
}

fn tuple(connection: &Connection) -> Option<Tuple> {
    let (client, server) = (connection.client, connection.server);
    Some(Tuple {
        src_ip: client.ip(),
        src_port: client.port(),
        dst_ip: server.ip(),
        dst_port: server.port(),
    })
}
