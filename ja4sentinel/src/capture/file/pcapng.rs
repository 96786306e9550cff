//! The pcapng format: sections, each with its own byte order and interfaces, made of blocks.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use pcap_parser::{Block, InterfaceDescriptionBlock, OptionCode, parse_block_be, parse_block_le};

use super::clock::Clock;
use super::{Fault, MAX_PACKET, Window};
use crate::capture::Captured;
use crate::wire::{Frame, LinkType};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Interfaces of one section, and different names of one file, at most. Machines have dozens;
/// this keeps a forged file from filling the memory.
const MAX_INTERFACES: usize = 65_536;
/// Bytes kept of an interface's name. Linux has 15, Windows about 60.
const MAX_NAME: usize = 255;

/// State of one file.
#[derive(Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    /// Of the section that is read.
    interfaces: Vec<Interface>,
    /// Index of each name over all sections, from 1 on; 0 is an interface without a name.
    names: HashMap<Arc<str>, u32>,
    /// A simple packet block has no time of its own.
    last_timestamp_ns: u64,
}

/// What an interface description block says.
struct Interface {
    index: u32,
    link: LinkType,
    /// Bytes kept of a frame, 0 for all.
    snap_length: u32,
    clock: Clock,
}

/// A packet, as places in its block.
struct Located {
    interface: u32,
    /// Ticks of the interface's clock; a simple packet block has none.
    ticks: Option<u64>,
    begin: usize,
    captured: usize,
    original_len: u32,
}

impl Pcapng {
    /// Whether a file that begins with `head` is a pcapng file.
    pub(super) fn recognises(head: &[u8]) -> bool {
        head.starts_with(&SECTION_HEADER.to_be_bytes())
            && matches!(head.get(8..12), Some(b"\x1a\x2b\x3c\x4d" | b"\x4d\x3c\x2b\x1a"))
    }

    /// Takes blocks up to the next packet or interface name.
    pub(super) fn next<'w>(
        &mut self,
        window: &'w mut Window,
    ) -> Result<Option<Captured<'w>>, Fault> {
        loop {
            let offset = window.offset();
            let Some((kind, length)) = self.block_head(window)? else { return Ok(None) };
            if !matches!(
                kind,
                SECTION_HEADER
                    | INTERFACE_DESCRIPTION
                    | OBSOLETE_PACKET
                    | SIMPLE_PACKET
                    | ENHANCED_PACKET
            ) {
                if !window.skip(u64::from(length)) {
                    return Err(super::short_since(window, offset, u64::from(length), "block"));
                }
                continue;
            }

            let total = length as usize;
            if total > MAX_PACKET {
                let what = format!("a block of {total} bytes; none is longer than {MAX_PACKET}");
                return Err(Fault::Damaged { offset, what });
            }
            if window.peek(total).len() < total {
                return Err(super::short(window, u64::from(length), "block"));
            }
            let damaged = |what: &str| Fault::Damaged { offset, what: what.to_owned() };
            let block = window.peek(total).get(..total).unwrap_or_default();
            if block.last_chunk().map(|tail| self.number(*tail)) != Some(length) {
                return Err(damaged("the lengths at the two ends of a block differ"));
            }

            match self.read_block(kind, block).map_err(|what| damaged(&what))? {
                Content::Packet(located) => {
                    let frame = self.frame(&located, window.take(total));
                    return Ok(Some(Captured::Frame(frame.map_err(damaged)?)));
                }
                Content::Name { index, name } => {
                    window.take(total);
                    return Ok(Some(Captured::Interface { index, name }));
                }
                Content::Nothing => {
                    window.take(total);
                }
            }
        }
    }

    fn number(&self, field: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
    }

    /// Type and length of the block at hand, `None` at the end. A section header sets the byte
    /// order, also of its own length.
    fn block_head(&mut self, window: &mut Window) -> Result<Option<(u32, u32)>, Fault> {
        let offset = window.offset();
        let Some([a, b, c, d, e, f, g, h, order @ ..]) =
            window.peek(12).first_chunk::<12>().copied()
        else {
            return super::end_or_short(window, 12, "block");
        };
        let kind = self.number([a, b, c, d]);
        if kind == SECTION_HEADER {
            self.big_endian = match &order {
                b"\x1a\x2b\x3c\x4d" => true,
                b"\x4d\x3c\x2b\x1a" => false,
                _ => {
                    let what = "a section header without byte order".to_owned();
                    return Err(Fault::Damaged { offset, what });
                }
            };
        }
        let length = self.number([e, f, g, h]);
        if length < 12 || !length.is_multiple_of(4) {
            let what = format!("a block of type {kind:#x} with the impossible length {length}");
            return Err(Fault::Damaged { offset, what });
        }
        Ok(Some((kind, length)))
    }

    /// Reads one block, which is complete. Errors say what is wrong with it.
    fn read_block(&mut self, kind: u32, block: &[u8]) -> Result<Content, String> {
        if matches!(kind, ENHANCED_PACKET | OBSOLETE_PACKET) {
            // By hand: the library collects each packet's options in a vector, and does not
            // know the obsolete form.
            let body = block.get(8..block.len().saturating_sub(4)).unwrap_or_default();
            let head = body.first_chunk::<20>();
            let head = head.ok_or("a packet block that is too short")?;
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = *head;
            let interface = match (kind, self.big_endian) {
                (OBSOLETE_PACKET, true) => u32::from(u16::from_be_bytes([a, b])),
                (OBSOLETE_PACKET, false) => u32::from(u16::from_le_bytes([a, b])),
                _ => self.number([a, b, c, d]),
            };
            let high = u64::from(self.number([e, f, g, h]));
            return Ok(Content::Packet(Located {
                interface,
                ticks: Some(high << 32 | u64::from(self.number([i, j, k, l]))),
                begin: 28,
                captured: self.number([m, n, o, p]) as usize,
                original_len: self.number([q, r, s, t]),
            }));
        }
        let parsed = if self.big_endian { parse_block_be(block) } else { parse_block_le(block) };
        match parsed {
            Ok((_, Block::SectionHeader(header))) if header.major_version == 1 => {
                self.interfaces.clear();
                Ok(Content::Nothing)
            }
            Ok((_, Block::SectionHeader(header))) => {
                Err(format!("a section of version {}; version 1 is read", header.major_version))
            }
            Ok((_, Block::InterfaceDescription(description))) => self.describe(&description),
            Ok((_, Block::SimplePacket(packet))) => {
                let snap_length = self.interfaces.first().map_or(0, |first| first.snap_length);
                let snap_length = if snap_length == 0 { u32::MAX } else { snap_length };
                Ok(Content::Packet(Located {
                    interface: 0,
                    ticks: None,
                    begin: 12,
                    captured: packet.data.len().min(packet.origlen.min(snap_length) as usize),
                    original_len: packet.origlen,
                }))
            }
            _ => Err(format!("a block of type {kind} that contradicts itself")),
        }
    }

    fn describe(&mut self, block: &InterfaceDescriptionBlock<'_>) -> Result<Content, String> {
        if self.interfaces.len() >= MAX_INTERFACES || self.names.len() >= MAX_INTERFACES {
            return Err(format!("more than {MAX_INTERFACES} interfaces"));
        }
        // The library reads this option as little-endian always.
        let offset_seconds =
            if self.big_endian { block.if_tsoffset.swap_bytes() } else { block.if_tsoffset };
        let [a, b, ..] = block.linktype.0.to_le_bytes();
        let mut interface = Interface {
            index: 0,
            link: LinkType::from_dlt(u16::from_le_bytes([a, b])),
            snap_length: block.snaplen,
            clock: Clock::new(block.if_tsresol, offset_seconds),
        };
        let Some(name) = name_of(block) else {
            self.interfaces.push(interface);
            return Ok(Content::Nothing);
        };
        let fresh = u32::try_from(self.names.len() + 1).unwrap_or(u32::MAX);
        interface.index = *self.names.entry(Arc::clone(&name)).or_insert(fresh);
        let index = interface.index;
        self.interfaces.push(interface);
        Ok(if index == fresh { Content::Name { index, name } } else { Content::Nothing })
    }

    /// The frame at `located` in `block`.
    fn frame<'b>(&mut self, located: &Located, block: &'b [u8]) -> Result<Frame<'b>, &'static str> {
        let interface = self
            .interfaces
            .get(located.interface as usize)
            .ok_or("a packet of an interface that no block before it describes")?;
        if let Some(ticks) = located.ticks {
            self.last_timestamp_ns = interface.clock.nanoseconds(ticks);
        }
        let bytes = located
            .begin
            .checked_add(located.captured)
            .filter(|end| end.checked_add(4).is_some_and(|end| end <= block.len()))
            .and_then(|end| block.get(located.begin..end))
            .ok_or("a packet that is longer than its block")?;
        Ok(Frame {
            timestamp_ns: self.last_timestamp_ns,
            interface: interface.index,
            link: interface.link,
            vlan: None,
            bytes,
            original_len: located.original_len,
            skipped_payload: 0,
            unverified: false,
        })
    }
}

/// What a block holds for us.
enum Content {
    Packet(Located),
    Name { index: u32, name: Arc<str> },
    Nothing,
}

fn name_of(block: &InterfaceDescriptionBlock<'_>) -> Option<Arc<str>> {
    let option = block.options.iter().find(|option| option.code == OptionCode::IfName)?;
    let bytes = option.as_bytes().ok()?;
    let bytes = bytes.get(..MAX_NAME).unwrap_or(bytes);
    let name: Cow<'_, str> = String::from_utf8_lossy(bytes);
    let name = name.trim_end_matches('\0');
    (!name.is_empty()).then(|| Arc::from(name))
}
