//! The UNIX socket output against real readers that are late, slow, restarted or gone.
#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

mod output_support;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use ja4sentinel::output::{
    OutputConfig, Outputs, Reason, SinkConfig, SocketType, UnixSocketConfig,
};
use output_support::{deliver, numbers, only, soon, wait_until};

fn config(path: &Path) -> OutputConfig {
    OutputConfig::new(SinkConfig::UnixSocket(UnixSocketConfig::new(path.to_owned())))
}

fn read_lines(stream: UnixStream, count: usize) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let lines: Vec<String> =
        BufReader::new(stream).lines().take(count).map(|line| line.unwrap() + "\n").collect();
    lines.concat()
}

#[test]
fn a_late_stream_reader_gets_everything_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let outputs = Outputs::start(&[config(&path)]);
    deliver(&outputs, 0..1000);
    wait_until("an attempt was made again", || only(&outputs.counts()).retried > 1);
    let listener = UnixListener::bind(&path).unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(numbers(&read_lines(stream, 1000)), Vec::from_iter(0..1000));
    let counts = outputs.drain(soon());
    assert_eq!((only(&counts).delivered, only(&counts).queued), (1000, 0));
    assert!(only(&counts).balanced());
}

#[test]
fn a_datagram_reader_is_found_out_and_gets_one_record_a_datagram() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let reader = UnixDatagram::bind(&path).unwrap();
    let outputs = Outputs::start(&[config(&path)]);
    let delivering = std::thread::spawn(move || {
        deliver(&outputs, 0..500);
        outputs.drain(soon())
    });
    let mut buffer = vec![0; 1 << 16];
    for number in 0..500 {
        let length = reader.recv(&mut buffer).unwrap();
        let datagram = std::str::from_utf8(&buffer[..length]).unwrap();
        assert_eq!(numbers(datagram), [number]);
    }
    let counts = delivering.join().unwrap();
    assert_eq!(only(&counts).delivered, 500);
    assert!(only(&counts).balanced());
}

#[test]
fn a_stream_reader_that_restarts_gets_every_line_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let outputs = Outputs::start(&[config(&path)]);
    deliver(&outputs, 0..10);
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(numbers(&read_lines(stream, 10)), Vec::from_iter(0..10));
    drop(listener); // the stream is closed, the listener gone: connecting is refused
    deliver(&outputs, 10..20);
    wait_until("the loss was noticed", || only(&outputs.counts()).retried > 1);
    std::fs::remove_file(&path).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(numbers(&read_lines(stream, 10)), Vec::from_iter(10..20));
    let counts = outputs.drain(soon());
    assert_eq!(only(&counts).delivered, 20);
    assert!(only(&counts).balanced());
}

#[test]
fn a_datagram_reader_that_restarts_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let mut buffer = vec![0; 1 << 16];
    let mut receive = |reader: &UnixDatagram| {
        let length = reader.recv(&mut buffer).unwrap();
        numbers(std::str::from_utf8(&buffer[..length]).unwrap())
    };
    let reader = UnixDatagram::bind(&path).unwrap();
    let mut socket = UnixSocketConfig::new(path.clone());
    socket.socket_type = SocketType::Datagram;
    let outputs = Outputs::start(&[OutputConfig::new(SinkConfig::UnixSocket(socket))]);
    deliver(&outputs, [1]);
    assert_eq!(receive(&reader), [1]);
    drop(reader);
    deliver(&outputs, [2, 3]);
    wait_until("the loss was noticed", || only(&outputs.counts()).retried > 1);
    std::fs::remove_file(&path).unwrap();
    let reader = UnixDatagram::bind(&path).unwrap();
    assert_eq!([receive(&reader), receive(&reader)].concat(), [2, 3]);
    let counts = outputs.drain(soon());
    assert_eq!(only(&counts).delivered, 3);
    assert!(only(&counts).balanced());
}

#[test]
fn a_reader_that_stops_costs_only_what_the_queue_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut config = config(&path);
    config.queue = 100;
    let outputs = Outputs::start(&[config]);
    let begin = Instant::now();
    deliver(&outputs, 0..50_000);
    assert!(begin.elapsed() < Duration::from_secs(10), "delivering never waits");
    let (mut stream, _) = listener.accept().unwrap();
    wait_until("the queue was full", || only(&outputs.counts()).dropped_for(Reason::QueueFull) > 0);
    // It reads again: what was kept arrives whole and in order.
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        numbers(&text)
    });
    let counts = outputs.drain(soon());
    let counts = only(&counts);
    drop(outputs);
    let read = reading.join().unwrap();
    assert!(read.is_sorted_by(|a, b| a < b));
    assert_eq!(read.len() as u64, counts.delivered);
    assert_eq!(counts.delivered + counts.dropped_for(Reason::QueueFull), 50_000);
    assert!(counts.balanced() && counts.queued == 0, "{counts:?}");
}

#[test]
fn a_reader_that_never_comes_costs_the_named_reasons_and_no_time_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("nobody"));
    config.queue = 10;
    let outputs = Outputs::start(&[config]);
    wait_until("it was found away", || {
        deliver(&outputs, [0]);
        only(&outputs.counts()).retried > 0
    });
    deliver(&outputs, 0..1000);
    let begin = Instant::now();
    let counts = outputs.drain(begin + Duration::from_millis(300));
    let counts = only(&counts);
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert!(counts.balanced() && counts.queued == 0, "{counts:?}");
    assert_eq!(counts.delivered, 0);
    assert!(counts.dropped_for(Reason::Unreachable) > 900, "{counts:?}");
    assert!(counts.dropped_for(Reason::Shutdown) >= 10, "{counts:?}");
}

#[test]
fn a_slow_reader_gets_all_that_its_queue_can_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let outputs = Outputs::start(&[config(&path)]);
    deliver(&outputs, 0..2000);
    let (mut stream, _) = listener.accept().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut little = [0; 16 * 1024];
        // About a quarter of a second for each queue that the kernel holds of ours.
        while let Ok(count @ 1..) = stream.read(&mut little) {
            text.extend_from_slice(&little[..count]);
            std::thread::sleep(Duration::from_millis(10));
        }
        numbers(&String::from_utf8(text).unwrap())
    });
    let counts = outputs.drain(Instant::now() + Duration::from_secs(30));
    drop(outputs);
    assert_eq!(reading.join().unwrap(), Vec::from_iter(0..2000), "whole, in order, none lost");
    assert!(only(&counts).balanced() && only(&counts).delivered == 2000, "{counts:?}");
}

#[test]
fn a_flood_of_huge_records_is_bounded_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(&dir.path().join("nobody"));
    config.queue_bytes = 10 << 20;
    let outputs = Outputs::start(&[config]);
    let mut huge = output_support::record(0);
    huge.ja3 = "7".repeat(1 << 20);
    (0..1000).for_each(|_| outputs.deliver(&huge));
    outputs.flush();
    let counts = outputs.counts();
    let counts = only(&counts);
    assert!(counts.balanced() && (1..=11).contains(&counts.queued), "{counts:?}");
    assert_eq!(counts.dropped.iter().sum::<u64>(), 1000 - counts.queued);
    // One that is on its way to the sink has left the queue, and makes room for another.
    let counts = outputs.drain(Instant::now());
    assert!(only(&counts).balanced() && only(&counts).queued == 0, "{counts:?}");
}

#[test]
fn a_dead_output_does_not_slow_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut dead = config(&dir.path().join("nobody"));
    dead.name = "dead".into();
    let outputs = Outputs::start(&[dead, config(&path)]);
    deliver(&outputs, 0..1000);
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(read_lines(stream, 1000).lines().count(), 1000);
    let counts = outputs.drain(Instant::now());
    assert_eq!(counts[1].delivered, 1000);
    assert_eq!(counts[0].delivered, 0);
    assert!(counts.iter().all(|counts| counts.balanced()));
}

#[test]
fn a_datagram_that_is_too_long_is_named_and_the_next_one_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let reader = UnixDatagram::bind(&path).unwrap();
    let outputs = Outputs::start(&[config(&path)]);
    let mut long = output_support::record(1);
    long.ja3 = "7".repeat(4 << 20); // longer than any send buffer the kernel allows by default
    outputs.deliver(&long);
    outputs.flush();
    deliver(&outputs, [2]);
    let mut buffer = vec![0; 1 << 16];
    let length = reader.recv(&mut buffer).unwrap();
    assert_eq!(numbers(std::str::from_utf8(&buffer[..length]).unwrap()), [2]);
    let counts = outputs.drain(soon());
    let counts = only(&counts);
    assert_eq!((counts.delivered, counts.dropped_for(Reason::TooLong)), (1, 1));
    assert!(counts.balanced());
}
