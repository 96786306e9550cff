//! What passes the classifier arrives as it was sent: at full rate, and while the classifier comes and
//! goes.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends where it goes wrong"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ja4sentinel::capture::ebpf::{Attach, EbpfSource, Options, Placement};
use ja4sentinel::capture::{Interface, Live, Source, interfaces};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, Lab, Link, Namespace, SERVER_INTERFACE, SERVER_V4,
};
use ja4sentinel_tests::process::{Process, find_program, wait_until};
use serde_json::Value;
use sha2::{Digest, Sha256};

const DEADLINE: Duration = Duration::from_secs(120);
/// Bytes of one connection.
const BULK: usize = 128 * 1024 * 1024;
/// No more is underway at a time: Linux gives a connection buffers of 10 MB at most by itself.
const UNDERWAY: u64 = 16 * 1024 * 1024;
/// Between attaching and detaching.
const WHILE: Duration = Duration::from_millis(5);
/// How often it is attached and detached at least.
const OFTEN: u32 = 30;
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

    /// Attaches and detaches until it is over, and counts how often.
    fn come_and_go(&mut self, times: &AtomicU32, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            for source in &mut self.sources {
                source.watch(&self.interface).expect("attached");
                std::thread::sleep(WHILE);
                source.watch(&[]).expect("detached");
                // Nobody wants the frames, but the ring is to be written to.
                while source.next().expect("a frame").is_some() {}
                times.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Runs `work` while the classifier comes and goes, in both ways and often, and while it stays.
fn with_the_classifier(lab: &Lab, work: &mut dyn FnMut(&str)) {
    let mut coming = lab.server.inside(Coming::new).expect("the namespace");
    let (times, over) = (AtomicU32::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let going = scope.spawn(|| {
            lab.server.inside(|| coming.come_and_go(&times, &over)).expect("the namespace");
        });
        let end = End(&over);
        while times.load(Ordering::Relaxed) < OFTEN && !going.is_finished() {
            work("it comes and goes");
        }
        drop(end);
        going.join().expect("no panic");
    });
    let watch = || {
        for source in &mut coming.sources {
            source.watch(&coming.interface).expect("attached");
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
    for (side, interface, peer) in
        [(&lab.server, SERVER_INTERFACE, CLIENT_V4), (&lab.client, CLIENT_INTERFACE, SERVER_V4)]
    {
        fixed_neighbour(side, interface, peer, &lab);
    }
    with_the_classifier(&lab, &mut |when| {
        let before = received_and_passed(&lab);
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
        // What TCP sends again tells nothing: it does so as well where a busy machine is late.
        let passed = wait_until(DEADLINE, || {
            let now = received_and_passed(&lab);
            now.0 - before.0 == now.1 - before.1
        });
        assert!(passed, "{when}: of {before:?}, {:?}", received_and_passed(&lab));
        assert!(server.finish(DEADLINE).success());
    });
}

/// Packets that the server's interface has received, and those that came as far as IP: behind the
/// classifier, and all others that could take one away.
fn received_and_passed(lab: &Lab) -> (u64, u64) {
    let text = |program: &str, arguments: &[&str]| {
        lab.server.run(program, arguments).expect("a command that works")
    };
    let said = text("ip", &["-s", "-j", "link", "show", SERVER_INTERFACE]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let received = said[0]["stats64"]["rx"]["packets"].as_u64().expect("a number");
    let said = text("ip", &["-s", "-s", "-j", "link", "show", "lo"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let looped = said[0]["stats64"]["rx"]["packets"].as_u64().expect("a number");
    let snmp = text("cat", &["/proc/net/snmp", "/proc/net/snmp6"]);
    let ipv4: Vec<&str> = snmp.lines().filter(|line| line.starts_with("Ip: ")).collect();
    // A line of names, a line of numbers.
    let columns = ipv4.iter().map(|line| line.split(' ').collect::<Vec<_>>());
    let columns: Vec<_> = columns.collect();
    let at = columns[0].iter().position(|name| *name == "InReceives").expect("a column");
    let ipv6 = snmp.lines().find_map(|line| line.strip_prefix("Ip6InReceives"));
    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
    (received, number(columns[1][at]) + number(ipv6.expect("a line")) - looped)
}

/// Makes the peer's address known for good, so that nothing but IP is on the wire.
fn fixed_neighbour(side: &Namespace, interface: &str, peer: Ipv4Addr, lab: &Lab) {
    let (of, name) = match interface {
        SERVER_INTERFACE => (&lab.client, CLIENT_INTERFACE),
        _ => (&lab.server, SERVER_INTERFACE),
    };
    let address = of.run("cat", &[&format!("/sys/class/net/{name}/address")]).expect("an address");
    let peer = peer.to_string();
    let arguments = ["neigh", "replace", &peer, "lladdr", address.trim(), "dev", interface];
    side.run("ip", &[&arguments[..], &["nud", "permanent"]].concat()).expect("a neighbour");
}
