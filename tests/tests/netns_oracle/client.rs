//! A TCP client of our own, over raw frames: it sends what no kernel would.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ja4sentinel_tests::frames::{Packet, flags};
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, Lab, SERVER_INTERFACE, SERVER_V4, SERVER_V6};
use pcap::{Active, Capture, Direction};

/// The client's addresses. No interface has them, so the client's kernel stays out of it: it neither
/// answers nor resets what comes for them.
const V4: &str = "192.0.2.77";
const V6: &str = "fd4a::77";

/// How long the server's kernel may take to answer a SYN.
const ANSWER: Duration = Duration::from_secs(5);
/// How long nothing may come until everything is taken for come.
const QUIET: Duration = Duration::from_millis(20);

/// MSS 1460, and nothing else that would have to be in every segment.
pub(crate) const MSS: [u8; 4] = [2, 4, 5, 0xb4];

/// The client's end of the link.
pub(crate) struct Wire {
    capture: Capture<Active>,
    /// Destination and source of every frame.
    ethernet: [u8; 12],
}

impl Wire {
    /// Opens the link, and tells the server's kernel where the client's addresses are.
    pub(crate) fn open(lab: &Lab) -> Self {
        let file = |interface| format!("/sys/class/net/{interface}/address");
        let client = lab.client.run("cat", &[&file(CLIENT_INTERFACE)]).unwrap();
        let server = lab.server.run("cat", &[&file(SERVER_INTERFACE)]).unwrap();
        for address in [V4, V6] {
            let place = ["lladdr", client.trim(), "dev", SERVER_INTERFACE, "nud", "permanent"];
            let arguments = [&["neigh", "replace", address], &place[..]].concat();
            lab.server.run("ip", &arguments).unwrap();
        }
        let open = || {
            let capture = Capture::from_device(CLIENT_INTERFACE).unwrap();
            let capture = capture.immediate_mode(true).snaplen(65_535).timeout(1).open().unwrap();
            capture.direction(Direction::In).unwrap();
            capture.setnonblock().unwrap()
        };
        let mut ethernet = [0; 12];
        let addresses = server.trim().split(':').chain(client.trim().split(':'));
        for (byte, digits) in ethernet.iter_mut().zip(addresses) {
            *byte = u8::from_str_radix(digits, 16).unwrap();
        }
        Self { capture: lab.client.inside(open).unwrap(), ethernet }
    }
}

/// One connection of that client's, to port 443.
pub(crate) struct Client<'w> {
    wire: &'w mut Wire,
    local: SocketAddr,
    remote: SocketAddr,
    /// Number of its SYN.
    pub(crate) initial: u32,
    /// What it acknowledges: the number just behind the last byte of the server's.
    pub(crate) next: u32,
    /// What the server acknowledged last.
    acknowledged: u32,
    /// TCP options of every segment.
    pub(crate) options: Vec<u8>,
}

impl<'w> Client<'w> {
    /// A client that has sent nothing yet.
    pub(crate) fn new(wire: &'w mut Wire, is_v6: bool, port: u16) -> Self {
        let (local, remote): (IpAddr, IpAddr) = if is_v6 {
            (V6.parse().unwrap(), SERVER_V6.into())
        } else {
            (V4.parse().unwrap(), SERVER_V4.into())
        };
        Self {
            wire,
            local: SocketAddr::new(local, port),
            remote: SocketAddr::new(remote, 443),
            initial: 1_000_000,
            next: 0,
            acknowledged: 0,
            options: Vec::new(),
        }
    }

    /// Its SYN.
    pub(crate) fn syn(&self) -> Packet {
        let options = [&MSS[..], &self.options].concat();
        Packet::syn(self.local, self.remote, self.initial).options(options)
    }

    /// Sends the SYN, waits for the answer and acknowledges it.
    pub(crate) fn handshake(&mut self) {
        let syn = self.syn();
        self.handshake_with(&syn);
    }

    /// The same with a SYN of one's own making.
    pub(crate) fn handshake_with(&mut self, syn: &Packet) {
        self.send(syn);
        let end = Instant::now() + ANSWER;
        let answer = loop {
            match self.answer().filter(|answer| answer.opens) {
                Some(answer) => break answer,
                None => assert!(Instant::now() < end, "the server's kernel does not answer"),
            }
        };
        (self.next, self.acknowledged) = (answer.next, answer.acknowledgement);
        let acknowledgement = self.segment(0, &[]);
        self.send(&acknowledgement);
    }

    /// A segment whose payload begins `offset` bytes into the stream.
    pub(crate) fn segment(&self, offset: i32, payload: &[u8]) -> Packet {
        let sequence = self.initial.wrapping_add(1).wrapping_add_signed(offset);
        let packet = Packet::data(self.local, self.remote, sequence, payload)
            .acknowledging(self.next)
            .options(self.options.clone());
        // Fragments of two scenarios shall not meet.
        Packet { id: u32::from(self.local.port()), ..packet }
    }

    /// Sends a packet.
    pub(crate) fn send(&mut self, packet: &Packet) {
        self.send_frame(packet.frame());
    }

    /// Sends a frame to the server's interface.
    pub(crate) fn send_frame(&mut self, mut frame: Vec<u8>) {
        frame[..12].copy_from_slice(&self.wire.ethernet);
        self.wire.capture.sendpacket(frame).unwrap();
    }

    /// Sends the bytes of the stream from `offset` on.
    pub(crate) fn data(&mut self, offset: usize, payload: &[u8]) {
        let packet = self.segment(i32::try_from(offset).unwrap(), payload);
        self.send(&packet);
    }

    /// Takes note of everything that the server has answered.
    pub(crate) fn listen(&mut self) {
        let mut last = Instant::now();
        while last.elapsed() < QUIET {
            if let Some(answer) = self.answer() {
                (self.next, self.acknowledged) = (answer.next, answer.acknowledgement);
                last = Instant::now();
            }
        }
    }

    /// Aborts the connection.
    pub(crate) fn reset(&mut self) {
        self.listen();
        let reset = self.segment(0, &[]).flags(flags::RST | flags::ACK);
        let reset = Packet { sequence: self.acknowledged, ..reset };
        self.send(&reset);
    }

    fn answer(&mut self) -> Option<Answer> {
        match self.wire.capture.next_packet() {
            Ok(packet) => Answer::parse(packet.data, self.local),
            Err(_) => {
                std::thread::sleep(Duration::from_millis(1));
                None
            }
        }
    }
}

/// A segment of the server's.
#[derive(Clone, Copy)]
struct Answer {
    /// It is a SYN.
    opens: bool,
    /// The number just behind it.
    next: u32,
    acknowledgement: u32,
}

impl Answer {
    /// Reads a frame; `None` when it is not for `client`.
    fn parse(frame: &[u8], client: SocketAddr) -> Option<Self> {
        let is_v6 = frame.get(12..14)? == [0x86, 0xdd];
        let ip = frame.get(14..)?;
        let (header, length, protocol) = if is_v6 {
            (40, 40 + usize::from(number16(ip, 4)?), *ip.get(6)?)
        } else {
            (usize::from(ip.first()? & 0xf) * 4, usize::from(number16(ip, 2)?), *ip.get(9)?)
        };
        let destination = if is_v6 { ip.get(24..40)? } else { ip.get(16..20)? };
        let wanted = match client.ip() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let tcp = ip.get(header..length)?;
        if protocol != 6 || destination != wanted || number16(tcp, 2)? != client.port() {
            return None;
        }
        let number32 = |at| Some(u32::from_be_bytes(*tcp.get(at..)?.first_chunk()?));
        let flags = *tcp.get(13)?;
        let payload = tcp.len() - usize::from(tcp.get(12)? >> 4) * 4;
        let taken = u32::from(flags & (flags::SYN | flags::FIN) != 0);
        let taken = taken + u32::try_from(payload).ok()?;
        Some(Self {
            opens: flags & flags::SYN != 0,
            next: number32(4)?.wrapping_add(taken),
            acknowledgement: number32(8)?,
        })
    }
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
