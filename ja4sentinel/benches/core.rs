//! The core's stages one by one, on hellos of 600 bytes in one segment and of 1,700 in two:
//! `cargo bench -p ja4sentinel --no-default-features --bench core`.
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot run shall stop")]
#![expect(dead_code, reason = "each benchmark uses a part of what they share")]

mod support;

use std::cell::RefCell;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ja4sentinel::fingerprint::{Fingerprinter, Transport};
use ja4sentinel::hello::{self, Reading};
use ja4sentinel::sensor::{Outcome, Sensor, Settings};
use ja4sentinel::wire::decode;
use ja4sentinel_corpus::sample;
use support::{Client, Reader, frame};

/// Bytes of the two hellos, in their record.
const SIZES: [usize; 2] = [600, 1_700];

/// Payload of a full segment, bytes.
const SEGMENT: usize = 1_448;

/// Hellos that come in turn where each shall be new: more than are remembered.
const HELLOS: usize = 1_024;

/// Where a hello is read: connections that the table holds, and those that begin between a client's SYN
/// and its hello. Few of both, so that what is measured is work and not the way to memory; and as many as
/// by default, with those of a round trip of 50 ms at 5,000 connections a second.
const PLACES: [(&str, usize, u64); 2] =
    [("hello_to_line", 64, 8), ("hello_to_line_later", FLOWS, 250)];

/// Connections that the sensor follows at once, as by default.
const FLOWS: usize = 100_000;

criterion_group!(core, parse, fingerprint, line, decoding, hello_to_line, connection);
criterion_main!(core);

/// A ClientHello in its record, from bytes that are there.
fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for size in SIZES {
        let (bytes, mut scratch) = (bytes(size), Vec::new());
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| match hello::read(black_box(&bytes), &mut scratch) {
                Reading::Hello(found) => black_box(found.end),
                other => panic!("no hello: {other:?}"),
            });
        });
    }
}

/// JA4 in four forms, and JA3, of a parsed hello: one whose extensions stand in an order that was
/// not seen before, and one that is known.
fn fingerprint(criterion: &mut Criterion) {
    for (group, hellos) in [("fingerprint", HELLOS), ("fingerprint_known", 1)] {
        let mut group = criterion.benchmark_group(group);
        for size in SIZES {
            let bytes: Vec<_> = sample::hellos(size).take(hellos).collect();
            let mut scratch = vec![Vec::new(); hellos];
            let parsed: Vec<_> = bytes
                .iter()
                .zip(&mut scratch)
                .map(|(bytes, scratch)| match hello::read(bytes, scratch) {
                    Reading::Hello(found) => found.hello,
                    other => panic!("no hello: {other:?}"),
                })
                .collect();
            let (mut fingerprinter, mut next) = (Fingerprinter::default(), parsed.iter().cycle());
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| {
                    let hello = next.next().expect("it never ends");
                    black_box(fingerprinter.fingerprint(black_box(hello), Transport::Tcp));
                });
            });
        }
    }
}

/// A record as a line of JSON.
fn line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("line");
    for size in SIZES {
        let client = client(size);
        let mut settings = Settings::default();
        settings.ports.insert(443);
        let (mut sensor, mut record) = (Sensor::new(settings, "file"), None);
        for bytes in [client.syn()].into_iter().chain(client.hello().iter().map(Vec::as_slice)) {
            sensor.frame(&frame(bytes, 1), &mut |outcome| {
                if let Outcome::Record(found) = outcome {
                    record = Some(found.clone());
                }
            });
        }
        let (record, mut text) = (record.expect("a hello gives a record"), Vec::new());
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                text.clear();
                support::write(black_box(&record), &mut text);
            });
        });
    }
}

/// A frame to the TCP segment in it.
fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let client = client(600);
    let hello = client.hello().first().expect("a segment");
    for (name, bytes) in [("syn", client.syn()), ("hello", hello), ("fin", client.fin())] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode(black_box(&frame(bytes, 1)), 1).is_ok());
        });
    }
}

/// The hello's segments to its line, on a connection whose SYN is known; its extensions stand in an
/// order that was not seen before.
fn hello_to_line(criterion: &mut Criterion) {
    for (group, flows, begun) in PLACES {
        let mut group = criterion.benchmark_group(group);
        for size in SIZES {
            let reader = RefCell::new(Reader::new(flows));
            let hellos = sample::hellos(size).take(HELLOS);
            let mut clients: Vec<_> = hellos.map(|hello| Client::new(&hello, SEGMENT)).collect();
            let (mut number, mut is_asked_for) = (0, false);
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                is_asked_for = true;
                bencher.iter_batched(
                    || {
                        number += 1;
                        let client = clients.get_mut(number as usize % HELLOS).expect("as many");
                        client.be(number);
                        reader.borrow_mut().read(&frame(client.syn(), 1));
                        client.hello().to_vec()
                    },
                    |hello| {
                        let mut reader = reader.borrow_mut();
                        hello.iter().for_each(|bytes| reader.read(&frame(bytes, 1)));
                        hello
                    },
                    BatchSize::NumIterations(begun),
                );
            });
            assert_eq!(reader.borrow().records > 0, is_asked_for, "hellos give records");
        }
    }
}

/// A whole connection, as far as the client goes: SYN, hello to its line, FIN.
fn connection(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connection");
    for size in SIZES {
        let (mut reader, mut client, mut connections) = (Reader::new(FLOWS), client(size), 0);
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                client.be_next();
                reader.read(&frame(client.syn(), 1));
                client.hello().iter().for_each(|bytes| reader.read(&frame(bytes, 1)));
                reader.read(&frame(client.fin(), 1));
                connections += 1;
            });
        });
        assert_eq!(reader.records, connections, "each connection gives a record");
    }
}

fn bytes(size: usize) -> Vec<u8> {
    sample::hello(size).expect("there are hellos of this size")
}

fn client(size: usize) -> Client {
    Client::new(&bytes(size), SEGMENT)
}
