//! How long it takes from the last segment of a hello until its line can be read at a UNIX socket.

use std::fs;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::agent::Agent;
use ja4sentinel_tests::injection::Injector;
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, SERVER_INTERFACE};
use serde::Deserialize;

use super::clients::{self, JA3, JA4};
use super::stage::{Frames, Stage};
use crate::bench::Bench;
use crate::bench::figure::{Figure, Mark};
use crate::bench::score::Score;
use crate::bench::spread::Spread;

const PART: &str = "latency";
/// New connections a second, and for how long, seconds.
const RATE: u32 = 5_000;
const SECONDS: u32 = 5;
const QUICK_SECONDS: u32 = 1;
/// Silence after which no line is waited for any more.
const PATIENCE: Duration = Duration::from_secs(3);
const MOST_MS: [(&str, f64, f64); 2] = [("p50", 0.50, 0.3), ("p99", 0.99, 2.0)];

#[derive(Deserialize)]
struct Line {
    src_ip: Ipv4Addr,
    src_port: u16,
    ja4: String,
    ja3_hash: String,
}

/// Measures some rounds.
pub(in crate::bench) fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let count = RATE * if bench.quick { QUICK_SECONDS } else { SECONDS };
    let mut rounds = Vec::new();
    for round in 1..=bench.rounds {
        bench.say(&format!("latency at {RATE} connections/s, round {round} of {}", bench.rounds));
        rounds.push(once(bench, count)?);
    }
    let right = u64::from(count);
    let score = Score { needed: right, right, wrong: 0, extra: 0 };
    let figure = |(name, quantile, most): (&str, f64, f64)| {
        let values = rounds.iter().filter_map(|sorted| at(sorted, quantile));
        let what = format!("latency at {RATE} connections/s, hello to line: {name}");
        let figure = Figure::new(PART, what, "ja4sentinel", "ms", Spread::of(values)?);
        let mark = (!bench.quick).then_some(Mark::AtMost(most));
        Some(figure.with_mark(mark).with_score(Some(score.clone())))
    };
    let worst = ("longest", 1.0, f64::INFINITY);
    let figures = MOST_MS.into_iter().filter_map(figure).collect::<Vec<_>>();
    let longest = figure(worst).map(|figure| figure.with_mark(None));
    Ok(figures.into_iter().chain(longest).collect())
}

/// All latencies of one round, milliseconds, in their order.
fn once(bench: &Bench, count: u32) -> Result<Vec<f64>> {
    let stage = Stage::new(Frames::Gso, false)?;
    let socket = stage.file("lines.sock");
    let listener = UnixListener::bind(&socket)?;
    let config = stage.file("config.yml");
    let text = format!(
        "core:\n  interface: {SERVER_INTERFACE}\n  listen_ports: [443]\n  backend: ebpf\n\
         control: {{enabled: false}}\noutputs:\n  - type: unix_socket\n    enabled: true\n\
         \x20   params: {{socket_path: {}, socket_type: stream}}\n",
        socket.display()
    );
    fs::write(&config, text)?;
    let config = config.to_str().context("an odd path")?;
    let agent = Agent::start(&stage.lab.server, &bench.agent, &["--config", config])?;
    let frames: Vec<Vec<Vec<u8>>> = (0..count).map(clients::connection).collect();
    let (sent, read) = std::thread::scope(|scope| -> Result<_> {
        let reader = scope.spawn(|| read(&listener, count));
        let sent = stage.lab.client.inside(|| send(&frames))??;
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((sent, read))
    })?;
    drop(agent);
    let mut latencies = vec![None; sent.len()];
    for (at, line) in &read {
        let Line { src_ip, src_port, ja4, ja3_hash } = serde_json::from_str(line)?;
        ensure!(ja4 == JA4 && ja3_hash == JA3, "a wrong record: {line}");
        let number = clients::number(src_ip, src_port).context("a stranger's record")?;
        let number = usize::try_from(number)?;
        let begun = sent.get(number).context("a stranger's record")?;
        let place = latencies.get_mut(number).context("a stranger's record")?;
        ensure!(place.is_none(), "two records of one connection: {line}");
        *place = Some(at.saturating_duration_since(*begun).as_secs_f64() * 1e3);
    }
    let missing = latencies.iter().filter(|latency| latency.is_none()).count();
    ensure!(missing == 0, "{missing} of {count} records are missing");
    let mut latencies: Vec<f64> = latencies.into_iter().flatten().collect();
    latencies.sort_unstable_by(f64::total_cmp);
    Ok(latencies)
}

/// Sends at an even pace, and says when each last segment went.
fn send(connections: &[Vec<Vec<u8>>]) -> Result<Vec<Instant>> {
    let injector = Injector::open(CLIENT_INTERFACE)?;
    let pause = Duration::from_secs(1) / RATE;
    let mut due = Instant::now() + pause;
    let mut sent = Vec::with_capacity(connections.len());
    for frames in connections {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due += pause;
        let Some((last, others)) = frames.split_last() else { continue };
        for frame in others {
            injector.send(frame)?;
        }
        let now = Instant::now();
        injector.send(last)?;
        sent.push(now);
    }
    Ok(sent)
}

/// Reads so many lines, each with the time at which it was there.
fn read(listener: &UnixListener, count: u32) -> Result<Vec<(Instant, String)>> {
    let (mut stream, _): (UnixStream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let count = usize::try_from(count)?;
    let mut lines = Vec::with_capacity(count);
    let mut buffer = vec![0; 1 << 20];
    let mut rest: Vec<u8> = Vec::new();
    while lines.len() < count {
        // Silence: what is missing then is missing.
        let Ok(length @ 1..) = stream.read(&mut buffer) else { break };
        let now = Instant::now();
        for piece in buffer.get(..length).unwrap_or_default().split_inclusive(|byte| *byte == b'\n')
        {
            rest.extend_from_slice(piece);
            if rest.ends_with(b"\n") {
                lines.push((now, String::from_utf8(std::mem::take(&mut rest))?));
            }
        }
    }
    Ok(lines)
}

/// The value below which this part of them lies.
fn at(sorted: &[f64], quantile: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let place = (sorted.len() as f64 * quantile).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    sorted.get((place as usize).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn quantiles_by_nearest_rank() {
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(at(&hundred, 0.5), Some(50.0));
        assert_eq!(at(&hundred, 0.99), Some(99.0));
        assert_eq!(at(&hundred, 1.0), Some(100.0));
        assert_eq!(at(&[7.0], 0.5), Some(7.0));
        assert_eq!(at(&[], 0.5), None);
    }
}
