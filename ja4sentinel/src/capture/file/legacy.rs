//! The pcap format: a file header, then records of a 16-byte header and a frame.
//!
//! The record loop is our own: a record's length has to be judged before a buffer grows to hold
//! it, where a streaming parser asks for more data first.

use pcap_parser::{PcapHeader, parse_pcap_header};

use super::{Fault, MAX_PACKET, Window};
use crate::wire::{Frame, LinkType};

/// How the records of one file are to be read.
pub(super) struct Legacy {
    big_endian: bool,
    nanoseconds_a_tick: u64,
    /// 16, or 24 in the variant with a patched kernel's extra fields.
    header: usize,
    lengths: Lengths,
    link: LinkType,
}

/// Order of a record's two lengths.
#[derive(Clone, Copy)]
enum Lengths {
    CapturedFirst,
    /// Before version 2.3.
    OriginalFirst,
    /// Version 2.3: writers differ; the captured length is the smaller one.
    SmallerIsCaptured,
}

impl Legacy {
    /// Length of the file header.
    const HEADER: usize = 24;

    /// Whether a file that begins with `head` is a pcap file.
    pub(super) fn recognises(head: &[u8]) -> bool {
        matches!(
            head.first_chunk(),
            Some(
                b"\xa1\xb2\xc3\xd4"
                    | b"\xd4\xc3\xb2\xa1"
                    | b"\xa1\xb2\x3c\x4d"
                    | b"\x4d\x3c\xb2\xa1"
                    | b"\x34\xcd\xb2\xa1"
            )
        )
    }

    /// Takes the file header.
    pub(super) fn open(window: &mut Window) -> Result<Self, Fault> {
        let Ok((_, header)) = parse_pcap_header(window.peek(Self::HEADER)) else {
            return Err(super::short(window, Self::HEADER as u64, "file header"));
        };
        window.take(Self::HEADER);
        Ok(Self {
            big_endian: header.is_bigendian(),
            nanoseconds_a_tick: if header.is_nanosecond_precision() { 1 } else { 1_000 },
            header: if header.is_modified_format() { 24 } else { 16 },
            lengths: match (header.version_major, header.version_minor) {
                (2, 0..=2) => Lengths::OriginalFirst,
                (2, 3) => Lengths::SmallerIsCaptured,
                _ => Lengths::CapturedFirst,
            },
            link: link_type(&header),
        })
    }

    /// The next record, which the window then holds whole.
    #[inline]
    pub(super) fn next(&self, window: &mut Window) -> Result<Option<Record>, Fault> {
        let at_hand = window.peek(self.header);
        let (Some(head), true) = (at_hand.first_chunk::<16>(), at_hand.len() >= self.header) else {
            return super::end_or_short(window, self.header as u64, "packet");
        };
        let number = |field: [u8; 4]| {
            if self.big_endian { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
        };
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *head;
        let seconds = number([a, b, c, d]);
        let ticks = number([e, f, g, h]);
        let (first, second) = (number([i, j, k, l]), number([m, n, o, p]));
        let (captured, original_len) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };

        let captured = captured as usize;
        if captured > MAX_PACKET {
            let what = format!("a packet of {captured} bytes; none is longer than {MAX_PACKET}");
            return Err(Fault::Damaged { offset: window.offset(), what });
        }
        let total = self.header + captured;
        if window.peek(total).len() < total {
            return Err(super::short(window, total as u64, "packet"));
        }
        let timestamp_ns =
            u64::from(seconds) * 1_000_000_000 + u64::from(ticks) * self.nanoseconds_a_tick;
        Ok(Some(Record { timestamp_ns, total, original_len }))
    }

    /// Takes the record that was found; its frame.
    #[inline]
    pub(super) fn frame<'w>(&self, record: &Record, window: &'w mut Window) -> Frame<'w> {
        Frame {
            timestamp_ns: record.timestamp_ns,
            interface: 0,
            link: self.link,
            vlan: None,
            bytes: window.take(record.total).get(self.header..).unwrap_or_default(),
            original_len: record.original_len,
            skipped_payload: 0,
            unverified: false,
        }
    }
}

/// A record in the window. Few enough words for registers: a frame that is handed from call to call
/// costs as much as all of its reading.
#[derive(Clone, Copy)]
pub(super) struct Record {
    timestamp_ns: u64,
    /// Length of header and captured bytes.
    total: usize,
    original_len: u32,
}

/// The lower half of the field; the upper one says whether frames end in a checksum, which the IP
/// length leaves out anyway.
fn link_type(header: &PcapHeader) -> LinkType {
    let [a, b, ..] = header.network.0.to_le_bytes();
    LinkType::from_dlt(u16::from_le_bytes([a, b]))
}
