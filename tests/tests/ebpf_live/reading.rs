//! What comes out of the ring.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ja4sentinel::capture::{Captured, Live, Source};
use ja4sentinel::wire::Endpoint;
use ja4sentinel_common::{Config, Counter};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::servers::{Settings, TlsServer};

use crate::support::{Arrived, drain, hello, open, send, with_payload};

#[test]
fn a_real_client_is_seen_from_its_syn_on() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let client = clients::by_name("openssl").unwrap();
    lab.add_host(&client.host(), SERVER_V4.into()).unwrap();
    let arrived = lab
        .server
        .inside(|| {
            let mut source = open(&[SERVER_INTERFACE], [443]);
            assert_eq!(source.attached().count(), 1);
            let finished = client.run(&lab, &client.host(), 443).unwrap();
            assert!(finished.success(), "{finished:?}");
            let counters = source.kernel_counters().unwrap();
            assert_eq!(counters.get(Counter::ConnectionsWithSyn), 1);
            assert_eq!(counters.get(Counter::ConnectionsWithoutSyn), 0);
            assert_eq!(counters.get(Counter::ConnectionsLost), 0);
            drain(&mut source)
        })
        .unwrap();

    let [syn, hello, rest @ ..] = &arrived[..] else { panic!("{arrived:?}") };
    assert!(syn.syn && syn.payload.is_empty(), "{syn:?}");
    assert_eq!(syn.destination, Endpoint { addr: SERVER_V4.into(), port: 443 });
    assert_eq!(syn.source.addr, CLIENT_V4);
    assert_eq!(hello.source, syn.source);
    assert_eq!(hello.sequence, syn.sequence.wrapping_add(1));
    assert_eq!(hello.payload[..2], [0x16, 3], "the hello");
    assert_eq!(hello.payload[5], 1, "the hello");
    // At most the change_cipher_spec in a segment of its own.
    assert!(rest.len() <= 1, "{rest:?}");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    for frame in [syn, hello] {
        let age = now.abs_diff(u128::from(frame.time_ns));
        assert!(age < 60_000_000_000, "{age} ns ago");
    }
    assert!(syn.time_ns < hello.time_ns);
}

#[test]
fn a_super_frame_arrives_in_slices() {
    let lab = Lab::new(&Link::default()).unwrap();
    let bytes = hello(60_000);
    let address = SocketAddr::new(SERVER_V4.into(), 443);
    let (arrived, largest) = lab
        .server
        .inside(|| {
            let mut source = open(&[SERVER_INTERFACE], [443]);
            send(&lab, address, &bytes);
            let largest = std::cell::Cell::new(0);
            let mut arrived = Vec::new();
            while let Some(captured) = source.next().unwrap() {
                if let Captured::Frame(frame) = captured {
                    largest.set(largest.get().max(frame.original_len));
                    arrived.push(Arrived::of(&frame));
                }
            }
            (arrived, largest.get())
        })
        .unwrap();
    assert!(largest > 16 * 1024 + 100, "the link makes no super-frames: {largest} bytes at most");
    assert_eq!(joined(&arrived), bytes);
}

/// The stream that the frames hold, as far as it has no gap.
fn joined(arrived: &[Arrived]) -> Vec<u8> {
    let first = arrived[0].sequence.wrapping_add(1);
    let mut stream = Vec::new();
    for frame in &arrived[1..] {
        let at = usize::try_from(frame.sequence.wrapping_sub(first)).unwrap();
        if at <= stream.len() {
            stream.truncate(at);
            stream.extend(&frame.payload);
        }
    }
    stream
}

#[test]
fn the_byte_budget_ends_a_connection_that_says_no_hello() {
    let lab = Lab::new(&Link::default()).unwrap();
    let bytes = vec![b'x'; 3_000_000];
    let address = SocketAddr::new(SERVER_V4.into(), 443);
    let (arrived, spent) = lab
        .server
        .inside(|| {
            let mut source = open(&[SERVER_INTERFACE], [443]);
            send(&lab, address, &bytes);
            (drain(&mut source), source.kernel_counters().unwrap().get(Counter::BudgetSpent))
        })
        .unwrap();
    let payload: usize = arrived.iter().map(|frame| frame.payload.len()).sum();
    assert_eq!(payload, usize::try_from(Config::STREAM_BUDGET).unwrap());
    assert_eq!(joined(&arrived), bytes[..payload]);
    assert_eq!(spent, 1);
}

#[test]
fn the_reader_wakes_when_something_comes() {
    let lab = Lab::new(&Link::default()).unwrap();
    let address = SocketAddr::new(SERVER_V4.into(), 443);
    lab.server
        .inside(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut source = open(&[SERVER_INTERFACE], [443]);
                for round in 0..3 {
                    assert_eq!(drain(&mut source).len(), 0);
                    let nothing = tokio::time::timeout(Duration::from_millis(50), source.ready());
                    assert!(nothing.await.is_err(), "round {round}: woken without a reason");
                    let bytes = hello(500);
                    let (_, woken) = tokio::join!(
                        async { send(&lab, address, &bytes) },
                        tokio::time::timeout(Duration::from_secs(10), source.ready()),
                    );
                    woken.expect("not woken").unwrap();
                    // What is left unread is no reason to wait.
                    assert!(source.next().unwrap().is_some());
                    source.ready().await.unwrap();
                    let rest = drain(&mut source);
                    assert_eq!(with_payload(&rest), 1, "the hello behind its SYN: {rest:?}");
                }
            });
        })
        .unwrap();
}
