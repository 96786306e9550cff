//! The TCP header: the agent's `wire::tcp`.

use ja4sentinel_common::{Counter, Tuple};

use crate::ip::Datagram;
use crate::packet::Packet;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// What is needed of a segment.
pub(crate) struct Segment {
    /// Its connection.
    pub(crate) tuple: Tuple,
    /// Sequence number, as in the header.
    pub(crate) sequence: u32,
    /// Acknowledgement number.
    pub(crate) acknowledgement: u32,
    /// Flags.
    pub(crate) flags: u8,
    /// Where in the frame the payload begins: the length of all headers.
    pub(crate) payload_at: u32,
    /// Payload bytes in the frame.
    pub(crate) payload_len: u32,
}

/// RFC 9293, section 3.1.
#[inline(always)]
pub(crate) fn read(packet: &Packet, datagram: &Datagram) -> Result<Segment, Counter> {
    let at = datagram.at;
    if at + 20 > datagram.end {
        return Err(Counter::TcpRunt);
    }
    let [ports, sequence, acknowledgement, word] = packet.words::<4>(at).ok_or(Counter::TcpRunt)?;
    let [offset, flags, _, _] = word.to_ne_bytes();
    let header = u32::from(offset >> 4) * 4;
    if header < 20 || at + header > datagram.end {
        return Err(Counter::TcpHeaderLength);
    }
    Ok(Segment {
        tuple: Tuple { source: datagram.source, destination: datagram.destination, ports },
        sequence: u32::from_be(sequence),
        acknowledgement: u32::from_be(acknowledgement),
        flags,
        payload_at: at + header,
        payload_len: datagram.end - (at + header),
    })
}

impl Segment {
    /// A SYN without ACK: the client opens a connection.
    #[inline(always)]
    pub(crate) fn opens(&self) -> bool {
        self.flags & (SYN | ACK | RST) == SYN
    }

    /// The end of a connection, orderly or not.
    #[inline(always)]
    pub(crate) fn closes(&self) -> bool {
        self.flags & (FIN | RST) != 0
    }

    /// Sequence number of the first payload byte: the SYN takes a number of its own (RFC 9293,
    /// section 3.4).
    #[inline(always)]
    pub(crate) fn payload_sequence(&self) -> u32 {
        self.sequence.wrapping_add(u32::from(self.flags & SYN != 0))
    }
}

/// Whether `a` comes before `b`, modulo 2^32 (RFC 9293, section 3.4).
#[inline(always)]
pub(crate) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
