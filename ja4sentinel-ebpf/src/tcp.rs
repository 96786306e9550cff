//! The TCP header: the agent's `wire::tcp`.

use ja4sentinel_common::Counter;

use crate::packet::Packet;
use crate::view::View;

pub(crate) const FIN: u32 = 0x01;
pub(crate) const SYN: u32 = 0x02;
pub(crate) const RST: u32 = 0x04;
pub(crate) const ACK: u32 = 0x10;

/// Reads the header into the packet's view. RFC 9293, section 3.1.
#[inline(always)]
pub(crate) fn read(packet: &Packet) -> Result<(), Counter> {
    let view = packet.view();
    let at = view.at;
    if at + 20 > view.end {
        return Err(Counter::TcpRunt);
    }
    let words = match at {
        54 => packet.load_usual::<[u32; 4], 54>(at),
        _ => packet.load_usual::<[u32; 4], 34>(at),
    };
    let [ports, sequence, acknowledgement, word] = words.ok_or(Counter::TcpRunt)?;
    let [offset, flags, _, _] = word.to_ne_bytes();
    let header = u32::from(offset >> 4) * 4;
    if header < 20 || at + header > view.end {
        return Err(Counter::TcpHeaderLength);
    }
    view.tuple.ports = ports;
    view.sequence = u32::from_be(sequence);
    view.acknowledgement = u32::from_be(acknowledgement);
    view.flags = u32::from(flags);
    view.payload_at = at + header;
    view.payload_len = view.end - (at + header);
    Ok(())
}

impl View {
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
        self.sequence.wrapping_add((self.flags & SYN) >> 1)
    }
}

/// Whether `a` comes before `b`, modulo 2^32 (RFC 9293, section 3.4).
#[inline(always)]
pub(crate) fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}
