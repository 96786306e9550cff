//! A look at what an interface receives, ahead of traffic control: whether hellos begin there.

use std::collections::BTreeSet;
use std::io::{self, Read};

use socket2::{Domain, SockAddr, SockAddrStorage, SockFilter, Socket, Type};

use crate::sensor::PortSet;
use crate::wire::{Endpoint, Frame, LinkType, Packet, decode};

/// A packet socket. It costs nothing but while it looks.
#[derive(Debug)]
pub struct Tap {
    socket: Socket,
    /// Of the packet read last; none is longer.
    bytes: Vec<u8>,
}

/// Packets read at one time; more are more than enough to judge by.
const MOST: usize = 256;
/// No IP packet is longer, GRO's of ordinary size included.
const LONGEST: usize = 64 * 1024;
/// A protocol that nobody has: for local experiments, IEEE 802 section 9.2.3.
const NOTHING: u16 = 0x88b5;

impl Tap {
    /// Opens it; it looks at nothing yet. Needs CAP_NET_RAW, all that follows does not.
    ///
    /// # Errors
    /// The privilege is missing.
    pub fn open() -> io::Result<Self> {
        // Protocol 0: nothing is received until it is bound.
        let socket = Socket::new(Domain::PACKET, Type::DGRAM, None)?;
        socket.set_nonblocking(true)?;
        let filter = begins_with_hello().into_iter();
        let filter = filter.map(|Step(code, yes, no, value)| SockFilter::new(code, yes, no, value));
        socket.attach_filter(&filter.collect::<Vec<_>>())?;
        Ok(Self { socket, bytes: vec![0; LONGEST] })
    }

    /// Looks at this interface from now on, and at no other.
    ///
    /// # Errors
    /// There is no such interface any more, or it is down.
    pub fn look_at(&mut self, interface: u32) -> io::Result<()> {
        self.bind(libc::ETH_P_ALL.try_into().unwrap_or_default(), interface)?;
        // What another interface has left.
        for _ in 0..MOST {
            if self.read().is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Looks at nothing; what has come can still be read.
    pub fn look_away(&mut self) {
        // Protocol 0 would mean "as before" to older kernels.
        if let Err(error) = self.bind(NOTHING, 0) {
            tracing::debug!(%error, "the look at an interface goes on");
        }
    }

    /// The clients whose hellos to one of these ports have begun meanwhile.
    pub fn clients(&mut self, ports: &PortSet) -> BTreeSet<Endpoint> {
        let mut clients = BTreeSet::new();
        for _ in 0..MOST {
            let Some(bytes) = self.read() else { break };
            let frame = Frame {
                timestamp_ns: 0,
                interface: 0,
                link: LinkType::RAW,
                vlan: None,
                bytes,
                original_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                skipped_payload: 0,
                unverified: false,
            };
            if let Ok(Packet::Segment(segment)) = decode(&frame, 0)
                && ports.contains(segment.destination.port)
            {
                clients.insert(segment.source);
            }
        }
        clients
    }

    fn read(&mut self) -> Option<&[u8]> {
        let length = self.socket.read(&mut self.bytes).ok()?;
        self.bytes.get(..length)
    }

    fn bind(&self, protocol: u16, interface: u32) -> io::Result<()> {
        let mut storage = SockAddrStorage::zeroed();
        // SAFETY: a link-layer address is one of the types that the storage is for.
        let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
        address.sll_family = libc::AF_PACKET.try_into().unwrap_or_default();
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = interface.cast_signed();
        let length = size_of::<libc::sockaddr_ll>().try_into().unwrap_or_default();
        // SAFETY: the storage holds an address of this length, written above.
        self.socket.bind(&unsafe { SockAddr::new(storage, length) })
    }
}

/// Accepts what is received and begins with a ClientHello: IPv4 without fragments or IPv6 without
/// extension headers, TCP, a handshake record of TLS (RFC 8446 section 5.1), and in it the type, the
/// highest byte of the length, and the version (section 4). So much is hardly ever met by chance in
/// encrypted bytes.
fn begins_with_hello() -> Vec<Step> {
    let ipv4 = [
        vec![load(libc::BPF_B, 9)],
        only(TCP),
        vec![load(libc::BPF_H, 6)],
        none_of(0x1fff),
        // The length of the header goes to X.
        vec![step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0)],
    ];
    let ipv6 = [
        only(0x60),
        vec![load(libc::BPF_B, 6)],
        only(TCP),
        vec![step(libc::BPF_LDX | libc::BPF_W | libc::BPF_IMM, 40)],
    ];
    let hello = [
        // X is to be where the payload begins.
        vec![
            load_behind_x(libc::BPF_B, 12),
            math(libc::BPF_AND, 0xf0),
            math(libc::BPF_RSH, 2),
            step(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0),
            step(libc::BPF_MISC | libc::BPF_TAX, 0),
            load_behind_x(libc::BPF_H, 0),
        ],
        only(0x1603),
        vec![load_behind_x(libc::BPF_B, 5)],
        only(1),
        vec![load_behind_x(libc::BPF_B, 6)],
        only(0),
        vec![load_behind_x(libc::BPF_B, 9)],
        only(3),
        vec![step(libc::BPF_RET, u32::MAX)],
    ];
    let [ipv4, ipv6, hello] = [ipv4.concat(), ipv6.concat(), hello.concat()];
    let over_ipv4 = u8::try_from(ipv4.len() + 1).unwrap_or_default();
    let over_ipv6 = u32::try_from(ipv6.len()).unwrap_or_default();
    [
        vec![load(libc::BPF_W, PACKET_TYPE)],
        none_of(libc::PACKET_OUTGOING.into()),
        vec![
            load(libc::BPF_B, 0),
            math(libc::BPF_AND, 0xf0),
            jump(libc::BPF_JEQ, 0x40, 0, over_ipv4),
        ],
        ipv4,
        vec![step(libc::BPF_JMP | libc::BPF_JA, over_ipv6)],
        ipv6,
        hello,
    ]
    .concat()
}

/// An instruction: code, steps to go over when a comparison holds and when not, value.
#[derive(Debug, Clone, Copy)]
struct Step(u16, u8, u8, u32);

/// The number of TCP among IP protocols.
const TCP: u32 = 6;
/// Where the filter language has the packet's type, not its bytes (linux/filter.h).
const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();

/// Goes on if what was loaded is this.
fn only(value: u32) -> Vec<Step> {
    vec![jump(libc::BPF_JEQ, value, 1, 0), step(libc::BPF_RET, 0)]
}

/// Goes on if what was loaded has none of these bits.
fn none_of(bits: u32) -> Vec<Step> {
    vec![jump(libc::BPF_JSET, bits, 0, 1), step(libc::BPF_RET, 0)]
}

fn load(size: u32, at: u32) -> Step {
    step(libc::BPF_LD | size | libc::BPF_ABS, at)
}

fn load_behind_x(size: u32, at: u32) -> Step {
    step(libc::BPF_LD | size | libc::BPF_IND, at)
}

fn math(operation: u32, value: u32) -> Step {
    step(libc::BPF_ALU | operation, value)
}

fn jump(comparison: u32, value: u32, when: u8, otherwise: u8) -> Step {
    let code = u16::try_from(libc::BPF_JMP | comparison).unwrap_or_default();
    Step(code, when, otherwise, value)
}

fn step(code: u32, value: u32) -> Step {
    Step(u16::try_from(code).unwrap_or_default(), 0, 0, value)
}
