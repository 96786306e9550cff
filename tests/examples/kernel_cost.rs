//! What the classifier costs a server: nanoseconds a packet, as the kernel measures them
//! (`BPF_PROG_TEST_RUN`), less those of a classifier that does nothing, measured right before. Needs
//! root.
//!
//! `kernel_cost ROUNDS REPEAT CONNECTIONS`: one JSON line for each round and kind of packet. Most kinds
//! are run REPEAT times over; a hello a few times in each of many connections, as it is taken for a
//! repetition within the connection's budget, and handed up. What only the first packet of a kind costs
//! is measured in CONNECTIONS new ones, once in each, with caches as a system call leaves them. `JA4SENTINEL_BPF_OBJECT` names another build of the program.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::net::SocketAddr;

use anyhow::{Context, Result};
use ja4sentinel::capture::Source as _;
use ja4sentinel::capture::ebpf::{EbpfSource, OBJECT, Options, PROGRAMS};
use ja4sentinel::sensor::PortSet;
use ja4sentinel_tests::bpf_cost::EmptyClassifier;
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::hellos::Hello;

/// Bytes of the hello, its TLS record included.
const HELLO: usize = 600;
/// New connections after which the ring buffer is read: it holds many more.
const READ_AFTER: u32 = 256;
/// How often a hello is run in one connection: its bytes stay below the budget of one.
const HELLOS: u32 = 64;
/// Where the source address stands in a frame of IPv4 over Ethernet.
const SOURCE: std::ops::Range<usize> = 26..30;

fn main() -> Result<()> {
    let arguments: Vec<u32> =
        std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [rounds, repeat, connections] = arguments.as_slice() else {
        anyhow::bail!("usage: kernel_cost ROUNDS REPEAT CONNECTIONS");
    };
    let object = std::env::var_os("JA4SENTINEL_BPF_OBJECT").map(std::fs::read).transpose()?;
    let mut bench = Bench {
        source: EbpfSource::open_object(object.as_deref().unwrap_or(OBJECT), &Options::default())?,
        empty: EmptyClassifier::load().context("cannot load an empty classifier")?,
    };
    bench.source.set_ports(&PortSet::from_iter([443]))?;
    for round in 0..*rounds {
        bench.repeated(*repeat)?;
        bench.hellos(round, repeat / HELLOS)?;
        bench.once(round * connections, *connections)?;
    }
    Ok(())
}

struct Bench {
    source: EbpfSource,
    empty: EmptyClassifier,
}

impl Bench {
    /// What a connection sends again and again.
    fn repeated(&mut self, repeat: u32) -> Result<()> {
        let [client, server, other_port] =
            ["10.0.0.1:40000", "10.0.0.2:443", "10.0.0.2:80"].map(str::parse::<SocketAddr>);
        let (client, server, other_port) = (client?, server?, other_port?);
        let [client6, server6] =
            ["[2001:db8::1]:40000", "[2001:db8::2]:443"].map(str::parse::<SocketAddr>);
        let (client6, server6) = (client6?, server6?);
        let bulk = |client, server| {
            Packet::data(client, server, 10_000, vec![0x17; 1400]).acknowledging(5000)
        };
        let ack = |client, server| Packet::data(client, server, 10_000, []).acknowledging(5000);
        // These connections' hellos are over.
        for (client, server) in [(client, server), (client6, server6)] {
            let hello = Packet::data(client, server, 101, hello());
            for packet in [Packet::syn(client, server, 100), hello, bulk(client, server)] {
                self.source.rehearse(PROGRAMS[0], &packet.frame(), 1)?;
            }
        }
        let mut udp = Packet::data(client, server, 1, [0; 1200]).frame();
        if let Some(protocol) = udp.get_mut(23) {
            *protocol = 17;
        }
        let other = Packet::data(client, other_port, 1, [0; 1400]).frame();
        for (kind, frame) in [
            ("packet to an unwatched port", other),
            ("UDP", udp),
            ("pure acknowledgement, hello done", ack(client, server).frame()),
            ("bulk data, hello done", bulk(client, server).frame()),
            ("bulk data, hello done, IPv6", bulk(client6, server6).frame()),
            ("SYN, repeated", Packet::syn(client, server, 100).frame()),
        ] {
            let empty = self.empty.run(&frame, repeat)?.as_nanos();
            let ran = self.source.rehearse(PROGRAMS[0], &frame, repeat)?.each.as_nanos();
            println!("{}", line(kind, number(ran) - number(empty)));
        }
        self.read()
    }

    /// A hello that is handed up again and again: each connection for a while.
    fn hellos(&mut self, round: u32, connections: u32) -> Result<()> {
        let server: SocketAddr = "10.0.0.2:443".parse()?;
        let client: SocketAddr = format!("12.{round}.0.0:40000").parse()?;
        let mut syn = Packet::syn(client, server, 100).frame();
        let mut hello = Packet::data(client, server, 101, hello()).frame();
        let (mut of_hello, mut of_empty) = (0, 0);
        for connection in 0..connections {
            let [_, second, third, fourth] = connection.to_be_bytes();
            let address = [12, second.wrapping_add(u8::try_from(round)? << 4), third, fourth];
            for frame in [&mut syn, &mut hello] {
                frame.get_mut(SOURCE).context("a short frame")?.copy_from_slice(&address);
            }
            self.source.rehearse(PROGRAMS[0], &syn, 1)?;
            of_empty += self.empty.run(&hello, HELLOS)?.as_nanos();
            of_hello += self.source.rehearse(PROGRAMS[0], &hello, HELLOS)?.each.as_nanos();
            self.read()?;
        }
        let mean = (number(of_hello) - number(of_empty)) / f64::from(connections);
        println!("{}", line("hello of 600 bytes in one segment, repeated", mean));
        Ok(())
    }

    /// What a connection sends once: each of these is another client.
    fn once(&mut self, first: u32, connections: u32) -> Result<()> {
        let (client, server): (SocketAddr, SocketAddr) =
            ("11.0.0.0:40000".parse()?, "10.0.0.2:443".parse()?);
        let mut syn = Packet::syn(client, server, 100).frame();
        let mut hello = Packet::data(client, server, 101, hello()).frame();
        let (mut of_syn, mut of_hello, mut of_empty) = (0, 0, 0);
        for connection in first..first + connections {
            let address = (u32::from_be_bytes([11, 0, 0, 0]) + connection).to_be_bytes();
            for frame in [&mut syn, &mut hello] {
                frame.get_mut(SOURCE).context("a short frame")?.copy_from_slice(&address);
            }
            of_syn += self.source.rehearse(PROGRAMS[0], &syn, 1)?.each.as_nanos();
            of_empty += self.empty.run(&syn, 1)?.as_nanos();
            of_hello += self.source.rehearse(PROGRAMS[0], &hello, 1)?.each.as_nanos();
            if connection % READ_AFTER == 0 {
                self.read()?;
            }
        }
        let mean = |sum: u128| (number(sum) - number(of_empty)) / f64::from(connections);
        println!("{}", line("SYN of a new connection, cold", mean(of_syn)));
        println!("{}", line("hello of 600 bytes in one segment, cold", mean(of_hello)));
        self.read()
    }

    /// Reads the ring buffer to its end: a full one would cost less than it should.
    fn read(&mut self) -> Result<()> {
        while self.source.next()?.is_some() {}
        Ok(())
    }
}

fn hello() -> Vec<u8> {
    Hello::browser().padded_to(HELLO - 5).record()
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
fn number(nanoseconds: u128) -> f64 {
    nanoseconds as f64
}

fn line(kind: &str, ns: f64) -> String {
    format!("{{\"kind\":\"{kind}\",\"ns\":{ns:.2}}}")
}
