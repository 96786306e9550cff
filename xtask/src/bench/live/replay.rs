//! Connections by the thousand over a veth, at rising rates: who still finds each hello, and at what
//! cost a packet.

use anyhow::{Context, Result, ensure};
use ja4sentinel_corpus::Files;
use ja4sentinel_tests::bpf_cost;

use super::rates::{self, FAST, Run};
use super::sniffer::{Kind, Sniffer};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::corpora::{self, Kind as Corpus};
use crate::bench::figure::Figure;
use crate::bench::score::Judge;

/// Packets a second that are asked for; `None` is as many as the sender can.
const RATES: [Option<u32>; 4] = [Some(100_000), Some(200_000), Some(300_000), None];
const QUICK_RATES: [Option<u32>; 2] = [Some(20_000), None];
/// Whom we measure. tcpdump looks at packets and prints no hello.
const ALL: [Kind; 5] = [Kind::Agent, Kind::Tcpdump, Kind::Huginn, Kind::Suricata, Kind::Tshark];
const QUICK: [Kind; 2] = [Kind::Agent, Kind::Tcpdump];
const MIB: f64 = 1_048_576.0;

/// Measures all rates.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    // As long as it is open, the kernel measures the classifier too.
    let _statistics = bpf_cost::statistics().context("cannot switch BPF's statistics on")?;
    let files = corpora::get(Corpus::Hello, bench.quick)?;
    let judge = Judge::load(&files.truth)?;
    let packets = corpora::packets(&files.pcap)?;
    let (rates, kinds) =
        if bench.quick { (&QUICK_RATES[..], &QUICK[..]) } else { (&RATES[..], &ALL[..]) };
    let mut runs = Vec::new();
    for round in 1..=bench.rounds {
        for &kind in &Kind::present(kinds, &bench.rivals) {
            // At lower rates, and for a rival, one round has to do: what is lost differs more between
            // rates than between runs.
            let is_measured = |rate: &Option<u32>| {
                round == 1 || kind == Kind::Agent && rate.is_none_or(|rate| rate >= FAST)
            };
            for &rate in rates.iter().filter(|rate| is_measured(rate)) {
                let (asked, rounds, who) = (rates::name(rate), bench.rounds, kind.name());
                bench.say(&format!("live, {asked}, round {round} of {rounds}: {who}"));
                runs.push(once(bench, kind, rate, &files, packets, &judge)?);
            }
        }
    }
    Ok(rates::figures(bench, &runs, packets / judge.connections()))
}

fn once(
    bench: &Bench,
    kind: Kind,
    rate: Option<u32>,
    files: &Files,
    packets: f64,
    judge: &Judge,
) -> Result<Run> {
    let stage = Stage::new(Frames::Gso, false)?;
    let sniffer = Sniffer::start(bench, &stage, kind)?;
    let before = sniffer.cpu();
    let sent = stage.replay(&files.pcap, rate)?;
    sniffer.settle()?;
    let cost = (sniffer.cpu() - before).as_secs_f64() * 1e6 / packets;
    #[expect(clippy::cast_precision_loss, reason = "a size, shown with three digits")]
    let memory = sniffer.memory().1 as f64 / MIB;
    let score = sniffer.stop()?.map(|hellos| judge.judge(hellos));
    if let (Kind::Agent, Some(score)) = (kind, &score) {
        // What is missing counts against its rate.
        ensure!(score.wrong + score.extra == 0, "the agent's output is wrong: {score:?}");
    }
    Ok(Run { kind, rate, sent, cost, memory, score })
}
