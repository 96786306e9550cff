//! What passes the classifier arrives as it was sent: at full rate, and while the classifier comes and
//! goes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ja4sentinel::capture::ebpf::{Attach, EbpfSource, Options, Placement};
use ja4sentinel::capture::{Captured, Interface, Live, Source, interfaces};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::process::{Process, find_program, wait_until};
use serde_json::Value;
use sha2::{Digest, Sha256};

const DEADLINE: Duration = Duration::from_secs(120);
/// Bytes of one connection.
const BULK: usize = 256 * 1024 * 1024;
/// No more is underway at a time: Linux gives a connection buffers of 10 MB at most by itself.
const UNDERWAY: u64 = 16 * 1024 * 1024;
/// Between attaching and detaching.
const WHILE: Duration = Duration::from_millis(5);
const PORT: u16 = 443;

/// The classifier, attached in one way after the other.
struct Coming {
    sources: [EbpfSource; 2],
    interface: Vec<Interface>,
}

impl Coming {
    /// To be made in the server's namespace.
    fn new() -> Self {
        let sources = [Attach::Tcx, Attach::Clsact].map(|attach| {
            let placement = Placement { attach, ..Placement::default() };
            let options = Options { placement, ..Options::default() };
            let mut source = EbpfSource::open(&options).expect("a program");
            source.set_ports(&[PORT].into_iter().collect()).expect("ports");
            source
        });
        let mut interface = interfaces().expect("interfaces");
        interface.retain(|one| &*one.name == SERVER_INTERFACE);
        Self { sources, interface }
    }

    /// Attaches and detaches until it is over. Gives how often, and the frames that were handed up.
    fn come_and_go(&mut self, over: &AtomicBool) -> (u32, u32) {
        let (mut times, mut frames) = (0, 0);
        while !over.load(Ordering::Relaxed) {
            for source in &mut self.sources {
                source.watch(&self.interface).expect("attached");
                std::thread::sleep(WHILE);
                source.watch(&[]).expect("detached");
                while let Some(captured) = source.next().expect("a frame") {
                    frames += u32::from(matches!(captured, Captured::Frame(_)));
                }
                times += 1;
            }
        }
        (times, frames)
    }
}

/// Runs `work` while the classifier comes and goes, in both ways, and while it stays.
fn with_the_classifier(lab: &Lab, work: &mut dyn FnMut(&str)) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let coming = scope.spawn(|| {
            lab.server.inside(|| Coming::new().come_and_go(&over)).expect("the namespace")
        });
        let end = End(&over);
        work("it comes and goes");
        drop(end);
        let (times, _) = coming.join().expect("no panic");
        assert!(times > 20, "attached only {times} times");
    });
    let mut staying = lab.server.inside(Coming::new).expect("the namespace");
    let watch = || {
        for source in &mut staying.sources {
            source.watch(&staying.interface).expect("attached");
        }
    };
    lab.server.inside(watch).expect("the namespace");
    work("it stays");
}

/// Ends the coming and going, also when the work panics: the scope waits for its threads.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Bytes without a pattern (xorshift), so that a piece in a wrong place is noticed.
fn fill(buffer: &mut [u8], state: &mut u64) {
    for chunk in buffer.chunks_mut(8) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let bytes = state.to_le_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

/// One connection from the client: a hello, then as many bytes. Gives both ends' checksums.
fn transfer(lab: &Lab, bytes: usize) -> [[u8; 32]; 2] {
    let address = SocketAddr::from((SERVER_V4, PORT));
    let listener = lab.server.inside(|| TcpListener::bind(address)).expect("the namespace");
    let listener = listener.expect("an address to listen at");
    std::thread::scope(|scope| {
        let received = scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a client");
            let (mut sum, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
            loop {
                match stream.read(&mut buffer).expect("bytes") {
                    0 => return sum.finalize().into(),
                    length => sum.update(&buffer[..length]),
                }
            }
        });
        let client = lab.client.inside(|| TcpStream::connect(address)).expect("the namespace");
        let mut client = client.expect("a connection");
        let (mut sum, mut buffer) = (Sha256::new(), Hello::browser().record());
        let (mut sent, mut state) = (0, 0x9e37_79b9_7f4a_7c15);
        while sent < bytes {
            client.write_all(&buffer).expect("bytes that are taken");
            sum.update(&buffer);
            sent += buffer.len();
            buffer.resize(256 * 1024, 0);
            fill(&mut buffer, &mut state);
        }
        client.shutdown(Shutdown::Write).expect("an end");
        [sum.finalize().into(), received.join().expect("no panic")]
    })
}

#[test]
fn no_byte_of_a_large_transfer_is_changed() {
    for offloads in [true, false] {
        let lab = Lab::new(&Link { offloads, ..Link::default() }).unwrap();
        // Frames as on a wire take longer each.
        let bytes = if offloads { BULK } else { BULK / 4 };
        with_the_classifier(&lab, &mut |when| {
            let [sent, received] = transfer(&lab, bytes);
            assert_eq!(sent, received, "offloads {offloads}, {when}");
        });
    }
}

#[test]
fn iperf3_loses_nothing_at_full_rate() {
    let lab = Lab::new(&Link::default()).unwrap();
    let program = find_program("iperf3").expect("iperf3: run `cargo xtask setup`");
    with_the_classifier(&lab, &mut |when| {
        let mut server = lab.server.command(&program);
        server.args(["--server", "--one-off", "--forceflush", "--port", &PORT.to_string()]);
        let server = Process::spawn(&mut server).expect("a server");
        let listens = || server.stdout().contains("Server listening");
        assert!(wait_until(DEADLINE, listens), "{}", server.stderr());
        let mut client = lab.client.command(&program);
        let bytes = (4 * BULK).to_string();
        client.args(["--client", &SERVER_V4.to_string(), "--port", &PORT.to_string()]);
        client.args(["--json", "--bytes", &bytes]);
        let client = Process::spawn(&mut client).expect("a client").finish(DEADLINE);
        assert!(client.success(), "{client:?}");
        let said: Value = serde_json::from_str(&client.stdout).expect("JSON");
        let end = |side: &str, what: &str| said["end"][side][what].as_u64().expect("a number");
        let (sent, received) = (end("sum_sent", "bytes"), end("sum_received", "bytes"));
        assert!(sent >= 4 * BULK as u64, "{when}: {sent}");
        // The server stops counting when the client has sent all: the rest was on its way.
        assert!(received <= sent && sent - received < UNDERWAY, "{when}: {received} of {sent}");
        assert_eq!(end("sum_sent", "retransmits"), 0, "{when}: a segment was lost");
        assert!(server.finish(DEADLINE).success());
    });
}
