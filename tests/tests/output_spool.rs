//! The disk spool of a UNIX socket output whose reader is away.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

mod output_support;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use ja4sentinel::output::{
    Counts, OutputConfig, Outputs, Reason, SinkConfig, SpoolConfig, UnixSocketConfig,
};
use output_support::{deliver, numbers, only, soon, wait_until};

const QUEUE: usize = 500;

fn start(directory: &Path, spool_size: u64) -> Outputs {
    Outputs::start(&[config(directory, spool_size)])
}

fn config(directory: &Path, spool_size: u64) -> OutputConfig {
    let mut socket = UnixSocketConfig::new(directory.join("s"));
    socket.spool = Some(SpoolConfig { directory: directory.join("spool"), size: spool_size });
    let mut config = OutputConfig::new(SinkConfig::UnixSocket(socket));
    config.queue = QUEUE;
    config
}

/// Delivers so slowly that the spool keeps up, as real connections come.
fn deliver_slowly(outputs: &Outputs, numbers: std::ops::Range<u64>) {
    for number in numbers {
        deliver(outputs, [number]);
        if number % 100 == 99 {
            wait_until("the queue has room", || only(&outputs.counts()).queued < 100);
        }
    }
}

fn read_numbers(stream: UnixStream, count: usize) -> Vec<u64> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let lines: Vec<String> =
        BufReader::new(stream).lines().take(count).map(|line| line.unwrap() + "\n").collect();
    numbers(&lines.concat())
}

fn spooled(outputs: &Outputs) -> Counts {
    only(&outputs.counts()).clone()
}

#[test]
fn far_more_than_the_queue_waits_on_disk_and_comes_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = start(dir.path(), 64 << 20);
    deliver(&outputs, [0]);
    wait_until("the reader was found away", || spooled(&outputs).spooled == 1);
    deliver_slowly(&outputs, 1..10_000);
    wait_until("all is on disk", || spooled(&outputs).spooled == 10_000);
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let reading = std::thread::spawn(move || read_numbers(stream, 20_000));
    // More comes while the spool is replayed, and has to come behind it.
    deliver_slowly(&outputs, 10_000..20_000);
    assert_eq!(reading.join().unwrap(), Vec::from_iter(0..20_000));
    let counts = outputs.drain(soon());
    let counts = only(&counts);
    assert!(counts.balanced(), "{counts:?}");
    assert_eq!((counts.delivered, counts.queued, counts.spooled), (20_000, 0, 0));
    assert_eq!(std::fs::read_dir(dir.path().join("spool")).unwrap().count(), 1);
}

#[test]
fn a_full_spool_is_a_named_loss_and_never_larger_than_its_limit() {
    const LIMIT: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let outputs = start(dir.path(), LIMIT);
    deliver(&outputs, [0]);
    wait_until("the reader was found away", || spooled(&outputs).spooled == 1);
    for number in 1..20_000 {
        deliver(&outputs, [number]);
        if number % 100 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    wait_until("something was dropped", || spooled(&outputs).dropped_for(Reason::SpoolFull) > 0);
    let held: u64 = std::fs::read_dir(dir.path().join("spool"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(held <= LIMIT + 16, "{held}"); // 16 bytes of position
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        numbers(&text)
    });
    wait_until("all is delivered", || {
        let counts = spooled(&outputs);
        counts.queued + counts.spooled == 0
    });
    let counts = outputs.drain(soon());
    let counts = only(&counts);
    let read = reading.join().unwrap();
    assert!(read.is_sorted_by(|a, b| a < b), "in order, none twice");
    assert_eq!(read.len() as u64, counts.delivered);
    assert!(counts.balanced(), "{counts:?}");
    let lost: u64 = counts.dropped.iter().sum();
    assert_eq!(lost, 20_000 - counts.delivered);
}

#[test]
fn what_waits_at_the_end_is_delivered_by_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let outputs = start(dir.path(), 64 << 20);
    deliver(&outputs, 0..400);
    let begin = Instant::now();
    let counts = outputs.drain(begin + Duration::from_secs(30));
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "what is safe on disk need not be waited for"
    );
    assert!(only(&counts).balanced(), "{counts:?}");
    assert_eq!((only(&counts).spooled, only(&counts).queued), (400, 0));
    drop(outputs);

    let outputs = start(dir.path(), 64 << 20);
    deliver(&outputs, 400..800);
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(read_numbers(stream, 800), Vec::from_iter(0..800));
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced(), "{counts:?}");
    assert_eq!((only(&counts).given, only(&counts).delivered), (800, 800));
}

#[test]
fn what_waits_on_disk_outlives_a_new_configuration_of_its_output() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), 64 << 20);
    let outputs = Outputs::start(&[config.clone()]);
    for round in 0..5 {
        deliver_slowly(&outputs, round * 200..round * 200 + 200);
        config.queue += 1;
        outputs.reconfigure(&[config.clone()], soon());
    }
    wait_until("the last one has all of it", || spooled(&outputs).spooled == 1000);
    assert_eq!(spooled(&outputs).given, 1000, "none is counted twice");
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(read_numbers(stream, 1000), Vec::from_iter(0..1000));
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced(), "{counts:?}");
    assert_eq!((only(&counts).given, only(&counts).delivered), (1000, 1000));
}
