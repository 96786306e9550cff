//! The TCP and UDP outputs against real readers that are late, restarted, slow or gone.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

mod output_support;

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use ja4sentinel::output::{
    Facility, HostPort, OutputConfig, Outputs, Reason, SinkConfig, SyslogConfig, SyslogTransport,
    TcpConfig,
};
use output_support::{deliver, numbers, only, soon, wait_until};

fn local(port: u16) -> HostPort {
    HostPort { host: "127.0.0.1".into(), port }
}

fn start(port: u16, queue: usize) -> Outputs {
    let mut config = OutputConfig::new(SinkConfig::Tcp(TcpConfig::new(local(port))));
    config.queue = queue;
    Outputs::start(&[config])
}

fn syslog(transport: SyslogTransport) -> Outputs {
    let facility = Facility::default();
    Outputs::start(&[OutputConfig::new(SinkConfig::Syslog(SyslogConfig { transport, facility }))])
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn read_numbers(stream: &TcpStream, count: usize) -> Vec<u64> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let lines: Vec<String> =
        BufReader::new(stream).lines().take(count).map(|line| line.unwrap() + "\n").collect();
    numbers(&lines.concat())
}

#[test]
fn a_server_that_restarts_loses_nothing_that_it_was_not_yet_sent() {
    let (listener, port) = listener();
    let outputs = start(port, 10_000);
    deliver(&outputs, 0..1000);
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(read_numbers(&stream, 1000), Vec::from_iter(0..1000));
    drop((stream, listener));
    // The server's farewell is noticed before the next write, which would be lost.
    std::thread::sleep(Duration::from_millis(100));
    deliver(&outputs, 1000..2000);
    wait_until("the loss was noticed", || only(&outputs.counts()).retried > 1);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (stream, _) = listener.accept().unwrap();
    assert_eq!(read_numbers(&stream, 1000), Vec::from_iter(1000..2000));
    let counts = outputs.drain(soon());
    assert_eq!(only(&counts).delivered, 2000);
    assert!(only(&counts).balanced());
}

#[test]
fn a_server_that_stops_reading_costs_only_what_the_queue_cannot_hold() {
    let (listener, port) = listener();
    let outputs = start(port, 100);
    let begin = Instant::now();
    deliver(&outputs, 0..50_000);
    assert!(begin.elapsed() < Duration::from_secs(10), "delivering never waits");
    let (mut stream, _) = listener.accept().unwrap();
    wait_until("the queue was full", || only(&outputs.counts()).dropped_for(Reason::QueueFull) > 0);
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
fn a_port_where_nobody_listens_is_unreachable() {
    let (listener, port) = listener();
    drop(listener);
    let outputs = start(port, 10);
    deliver(&outputs, [0]);
    wait_until("it was found away", || only(&outputs.counts()).retried > 0);
    deliver(&outputs, 0..100);
    let counts = outputs.drain(Instant::now() + Duration::from_millis(200));
    let counts = only(&counts);
    assert!(counts.dropped_for(Reason::Unreachable) > 80, "{counts:?}");
    assert!(counts.balanced() && counts.queued == 0, "{counts:?}");
}

#[test]
fn syslog_over_tcp_counts_octets() {
    let (listener, port) = listener();
    let outputs = syslog(SyslogTransport::Tcp(local(port)));
    deliver(&outputs, 0..100);
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut stream = BufReader::new(stream);
    for number in 0..100 {
        let mut length = Vec::new();
        stream.read_until(b' ', &mut length).unwrap();
        let length: usize = std::str::from_utf8(&length).unwrap().trim().parse().unwrap();
        let mut message = vec![0; length];
        stream.read_exact(&mut message).unwrap();
        let message = String::from_utf8(message).unwrap();
        let (header, text) = message.split_once(" - ").unwrap();
        assert!(header.starts_with("<134>1 ") && header.ends_with(" hello"), "{header}");
        assert_eq!(numbers(text), [number]);
    }
    assert!(only(&outputs.drain(soon())).balanced());
}

#[test]
fn syslog_over_udp_is_one_message_a_datagram() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let outputs = syslog(SyslogTransport::Udp(local(socket.local_addr().unwrap().port())));
    let mut long = output_support::record(0);
    long.ja3 = "7".repeat(70_000); // a datagram holds 65,507 bytes at most
    outputs.deliver(&long);
    outputs.flush();
    let mut buffer = vec![0; 1 << 16];
    for number in 1..100 {
        deliver(&outputs, [number]);
        let length = socket.recv(&mut buffer).unwrap();
        let message = std::str::from_utf8(&buffer[..length]).unwrap();
        assert_eq!(numbers(message.split_once(" - ").unwrap().1), [number]);
        assert!(!message.ends_with('\n'));
    }
    let counts = outputs.drain(soon());
    assert_eq!(only(&counts).delivered, 99);
    assert_eq!(only(&counts).dropped_for(Reason::TooLong), 1);
    assert!(only(&counts).balanced());
}
