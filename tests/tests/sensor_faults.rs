//! Clients of all kinds over a path, and into a capture, that drop, cut, repeat and reorder: the
//! ledger balances after every frame, and limits hold.

#![expect(clippy::indexing_slicing, reason = "a test ends where it goes wrong")]
mod sensor_support;

use ja4sentinel::sensor::{Limits, PortSet, ProxyProtocol, Settings};
use ja4sentinel_tests::faults::{Dice, Rates, inject};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet, flags};
use ja4sentinel_tests::hellos::{Hello, record};
use sensor_support::{Client, Lab, SECOND};

/// Clients of one run, and the ports that they use in turn: some are used again.
const CLIENTS: usize = 200;
const PORTS: usize = 120;

/// The frames of one client, and whether a record is due.
fn client(number: usize, dice: &mut Dice) -> (Vec<Vec<u8>>, bool) {
    let port = 40_000 + u16::try_from(number % PORTS).unwrap_or_default();
    let client = Client::new(port, u32::try_from(dice.roll() >> 32).unwrap_or_default());
    let hello = Hello::browser().padded_to(300 + dice.below(3000));
    let sizes = [vec![], vec![200], vec![1, 50, 700]];
    let hello = hello.records(&sizes[dice.below(sizes.len())]);
    let (stream, due) = match dice.below(12) {
        0 => (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(), false),
        1 => (hello[..hello.len() - 1].to_vec(), false),
        2 => (vec![], false),
        3 => (vec![22, 3, 1, 0, 0], false),
        4 => ([&hello[..], &record(20, &[1]), &hello].concat(), true),
        5 => ([&hello[..], &record(23, &[7; 500])].concat(), true),
        6 => ([&b"EHLO me\r\nSTARTTLS\r\n"[..], &hello].concat(), true),
        7 => ([&b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"[..], &hello].concat(), true),
        _ => (hello, true),
    };
    let mut packets = vec![client.syn()];
    let most = [1400, 700, 60][dice.below(3)];
    let mut at = 0;
    while at < stream.len() {
        let end = stream.len().min(at + 1 + dice.below(most));
        packets.push(client.data(u32::try_from(at).unwrap_or_default(), &stream[at..end]));
        at = end;
    }
    let end = u32::try_from(stream.len()).unwrap_or_default();
    match dice.below(4) {
        0 => packets.push(client.data(end, &[]).flags(flags::FIN | flags::ACK)),
        1 => packets.push(client.data(end, &[]).flags(flags::RST)),
        _ => {}
    }
    let tagged = dice.hits(200);
    let fragmented = dice.hits(200);
    let mut frames = Vec::new();
    for packet in packets {
        let id = u32::try_from(dice.roll() >> 48).unwrap_or_default();
        let packet = if tagged { packet.tag(CUSTOMER_TAG, 5) } else { packet };
        let packet = Packet { id, df: !fragmented, ..packet };
        if fragmented && packet.payload.len() > 100 {
            frames.extend(packet.fragments(&[8, 72]));
        } else {
            frames.push(packet.frame());
        }
    }
    (frames, due)
}

/// The frames of all clients, interleaved, and how many first hellos are among them.
fn traffic(seed: u64) -> (Vec<Vec<u8>>, usize) {
    let mut dice = Dice(seed);
    let (clients, due): (Vec<_>, Vec<_>) =
        (0..CLIENTS).map(|number| client(number, &mut dice)).unzip();
    let mut frames = Vec::new();
    // Eight at a time, a frame of each in turn.
    for group in clients.chunks(8) {
        let longest = group.iter().map(Vec::len).max().unwrap_or_default();
        for at in 0..longest {
            frames.extend(group.iter().filter_map(|frames| frames.get(at).cloned()));
        }
    }
    (frames, due.into_iter().filter(|due| *due).count())
}

fn settings(limits: Limits) -> Settings {
    Settings {
        ports: PortSet::any(),
        starttls: true,
        proxy_protocol: ProxyProtocol::Accept,
        report_incomplete: true,
        limits,
        ..Settings::default()
    }
}

fn tight() -> Limits {
    Limits {
        flows: 20,
        segments_per_hello: 4,
        bytes_per_hello: 2000,
        reassembly_bytes: 12_000,
        flow_timeout_ns: SECOND / 2,
    }
}

#[test]
fn the_ledger_balances_at_every_rate() {
    for limits in [Limits::default(), tight()] {
        for per_mille in [0, 1, 10, 50, 200, 500, 900] {
            for faults in 0..6 {
                let rate = |fault: u32| if faults == fault || faults == 5 { per_mille } else { 0 };
                let rates = Rates {
                    drop: rate(0),
                    truncate: rate(1),
                    duplicate: rate(2),
                    reorder: rate(3),
                };
                let seed = u64::from(per_mille) << 8 | u64::from(faults);
                let (frames, _) = traffic(seed);
                let mut lab = Lab::new(settings(limits));
                for captured in inject(frames, rates, seed) {
                    lab.feed_bytes(&captured.bytes, captured.original_len);
                    lab.assert_balanced();
                    let (held, _) = lab.sensor.reassembly_bytes();
                    assert!(held <= limits.reassembly_bytes, "{held} bytes");
                    assert!(lab.sensor.tracked() <= limits.flows);
                }
                lab.finish();
            }
        }
    }
}

#[test]
fn without_loss_no_hello_is_missed() {
    for seed in 0..20 {
        let (frames, due) = traffic(seed);
        // Repeated and reordered is not lost.
        let rates = Rates { duplicate: 100, ..Rates::default() };
        for rates in [Rates::default(), rates] {
            let mut lab = Lab::new(settings(Limits::default()));
            for captured in inject(frames.clone(), rates, seed) {
                lab.feed_bytes(&captured.bytes, captured.original_len);
            }
            let ledger = lab.finish();
            let passed = ledger.stage("connections").map(|stage| stage.passed);
            assert_eq!(passed, u64::try_from(due).ok(), "seed {seed} {rates:?}");
        }
    }
}
