//! One connection: what has arrived of it, and how far it has come.

use super::arrival::Arrival;
use super::bench::{Bench, Out};
use super::facts::Facts;
use super::oddities::{Oddities, Oddity};
use super::receive::Arriving;
use crate::flow::{Assembler, Class, Key, Limit};
use crate::hello::NotTls;
use crate::hello::preamble::proxy::{Addresses, Fault};
use crate::record::MetaSource;
use crate::wire::{Segment, TcpFlags};

/// What the next bytes of the stream are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A PROXY header, if there is one.
    Proxy,
    /// Whatever follows a PROXY header that breaks its protocol, up to the hello.
    BadProxy(Fault),
    /// The talk before STARTTLS, or the hello at once.
    Preamble,
    /// No talk that we know; a hello may still begin with a later segment. Holds what the first
    /// bytes are taken for if none does.
    Late(NotTls),
    /// The first ClientHello.
    Hello,
    /// A further ClientHello; so many bytes of the record before it are still to come.
    Further {
        /// See [`crate::hello::read_next`].
        open: usize,
    },
    /// Nothing more is wanted.
    Settled,
}

/// What a segment did to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing new.
    None,
    /// New bytes.
    Progress,
    /// From now on nothing more is wanted of it.
    Settled,
    /// It was closed without a result and is to be forgotten.
    Gone,
}

/// A connection, in the client-to-server direction.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) facts: Facts,
    /// Where its stream begins to be read.
    pub(super) first: Stage,
    pub(super) stage: Stage,
    /// Sequence number of stream offset 0.
    pub(super) base: u32,
    pub(super) assembler: Assembler,
    pub(super) arrival: Arrival,
    /// Hellos that were fingerprinted.
    pub(super) hellos: u8,
    /// The client behind the proxy.
    pub(super) proxied: Option<Box<Addresses>>,
    /// Stream bytes that came with the SYN and may not have been accepted.
    pub(super) syn_bytes: usize,
    /// Where, in such a stream, the stage begins to read.
    pub(super) read_from: usize,
    /// How many bytes the prefix must have before it is worth reading again.
    pub(super) read_at: usize,
    pub(super) limit: Option<Limit>,
    /// A connection between the same ends that began elsewhere in the sequence numbers: either a new
    /// one, or a ruse that the server ignores. Both are followed, and the sequence numbers tell to
    /// which a segment belongs.
    pub(super) rival: Option<Box<Connection>>,
    /// Whether the client has closed or reset.
    pub(super) closed: bool,
    /// Sequence number just behind the client's last byte, when a FIN told it.
    pub(super) fin: Option<u32>,
    /// Sequence number of the first byte that the capture cut off.
    pub(super) cut: Option<u32>,
}

impl Connection {
    /// A connection whose stream begins with what `first` reads.
    pub(super) fn new(facts: Facts, first: Stage) -> Self {
        Self {
            first,
            stage: first,
            base: facts.base,
            facts,
            assembler: Assembler::default(),
            arrival: Arrival::default(),
            hellos: 0,
            proxied: None,
            syn_bytes: 0,
            read_from: 0,
            read_at: 0,
            limit: None,
            rival: None,
            closed: false,
            fin: None,
            cut: None,
        }
    }

    /// Whether both the SYN and this segment are signed or neither is, as far as the SYN was seen.
    pub(super) fn is_signed_like_its_syn(&self, segment: &Segment<'_>) -> bool {
        !self.has_syn() || segment.options.is_signed() == self.facts.options().is_signed()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.stage == Stage::Settled
    }

    /// Whether it is to be counted as one fingerprint or one reason yet.
    pub(super) fn is_unfinished(&self) -> bool {
        self.hellos == 0 && !self.is_settled()
    }

    pub(super) fn class(&self) -> Class {
        if self.rival.as_ref().is_some_and(|rival| rival.class() == Class::Receiving) {
            return Class::Receiving;
        }
        match self.stage {
            Stage::Settled => Class::Done,
            Stage::Further { .. } if self.unread() == 0 => Class::Found,
            _ if self.assembler.is_empty() && self.hellos == 0 => Class::Opened,
            _ => Class::Receiving,
        }
    }

    /// Whether a byte with this sequence number can belong to this connection: a little before or
    /// behind what it has sent.
    pub(super) fn is_in_window(&self, sequence: u32, bench: &Bench) -> bool {
        is_in_window(self.base, sequence, self.closed, bench)
    }

    /// Whether a SYN with these facts stands at the beginning of this connection.
    pub(super) fn is_opened_by(&self, syn: &Facts) -> bool {
        self.facts.base == syn.base
    }

    pub(super) fn has_syn(&self) -> bool {
        self.facts.source == MetaSource::Syn
    }

    /// Takes over what a SYN says that came later than the bytes behind it.
    pub(super) fn adopt_syn(&mut self, facts: Facts) {
        if self.facts.source == MetaSource::Hello && self.hellos == 0 {
            self.facts = facts;
        }
    }

    /// Takes a segment whose sequence number lies in the window.
    pub(super) fn receive(
        &mut self,
        key: &Key,
        segment: &Segment<'_>,
        signs: Oddities,
        bench: &mut Bench,
        out: &mut Out<'_>,
    ) -> Effect {
        let start = segment.sequence.wrapping_add(u32::from(segment.flags.opens()));
        if segment.flags.any(TcpFlags::RST) {
            // Any other sequence number is answered with a challenge (RFC 5961 section 3.2).
            return if self.offset(start) == self.end() {
                self.close(key, bench, out)
            } else {
                Effect::None
            };
        }
        let captured_end = start.wrapping_add(length32(segment.payload.len()));
        if segment.missing > 0 {
            self.note_cut(captured_end);
        }
        if segment.flags.any(TcpFlags::FIN) {
            self.note_fin(captured_end.wrapping_add(segment.missing));
        }
        let effect = match self.trim(start, segment.payload) {
            (_, []) => {
                // A single byte before the window is a keep-alive probe (RFC 9293 section 3.8.4).
                bench.counters.retransmissions += u64::from(segment.payload.len() > 1);
                Effect::None
            }
            (offset, payload) => {
                let mut signs = signs;
                signs.note(Oddity::Urgent, segment.flags.any(TcpFlags::URG));
                let arriving = Arriving { segment, signs, offset, payload };
                self.take(key, &arriving, bench, out)
            }
        };
        let is_over = self.fin.is_some_and(|fin| self.offset(fin) <= self.end());
        if is_over && !self.is_settled() { self.close(key, bench, out) } else { effect }
    }

    /// Bytes held that are not read to an end.
    pub(super) fn unread(&self) -> usize {
        let behind_a_hole = usize::from(self.assembler.pieces() > 0);
        self.assembler.prefix().len().saturating_sub(self.read_from) + behind_a_hole
    }

    /// Stream offset of a sequence number, negative when it lies before offset 0.
    pub(super) fn offset(&self, sequence: u32) -> i32 {
        sequence.wrapping_sub(self.base).cast_signed()
    }

    /// Stream offset just behind the bytes without a hole.
    pub(super) fn end(&self) -> i32 {
        i32::try_from(self.assembler.prefix().len()).unwrap_or(i32::MAX)
    }

    /// The part of a payload at or behind stream offset 0.
    fn trim<'a>(&self, sequence: u32, payload: &'a [u8]) -> (usize, &'a [u8]) {
        let offset = self.offset(sequence);
        match usize::try_from(offset) {
            Ok(offset) => (offset, payload),
            Err(_) => {
                let before = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                (0, payload.get(before..).unwrap_or_default())
            }
        }
    }

    /// A FIN stands behind this sequence number. One behind bytes that are known already is
    /// ignored, as the server does; of several the first in the stream counts.
    fn note_fin(&mut self, sequence: u32) {
        let offset = self.offset(sequence);
        let is_first = self.fin.is_none_or(|fin| offset < self.offset(fin));
        if is_first && offset >= self.end() {
            self.fin = Some(sequence);
        }
    }

    /// The capture cut a segment off at this sequence number; the first hole counts.
    fn note_cut(&mut self, sequence: u32) {
        let offset = self.offset(sequence);
        let is_first =
            self.cut.is_none_or(|cut| self.offset(cut) < self.end() || self.offset(cut) > offset);
        if is_first && offset >= self.end() {
            self.cut = Some(sequence);
        }
    }
}

/// Whether a byte with this sequence number lies a little before or behind `base`; not behind, when
/// the connection is closed.
pub(super) fn is_in_window(base: u32, sequence: u32, closed: bool, bench: &Bench) -> bool {
    let window = i32::try_from(bench.bounds.bytes).unwrap_or(i32::MAX);
    let offset = sequence.wrapping_sub(base).cast_signed();
    let ahead = if closed { 0 } else { window };
    (-window..=ahead).contains(&offset)
}

/// A payload is never longer than a datagram, or than what offload makes of many.
pub(super) fn length32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
