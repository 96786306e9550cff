//! Ways in which a hostile client may send a hello, and decoys that the server's kernel throws away.

use ja4sentinel_tests::frames::{Packet, flags};
use ja4sentinel_tests::hellos::{Hello, record};

use crate::client::{Client, MSS};

/// One connection, or several with the same ends.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) is_v6: bool,
    /// How many hellos we expect the server to get.
    pub(crate) served: usize,
    pub(crate) limit: Limit,
    pub(crate) play: fn(&mut Client<'_>, &Hellos),
}

/// What the agent cannot know as the server's kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Nothing: there is a record of each hello that the server gets, and no other.
    Nothing,
    /// Which bytes the server keeps. The records of the connection say so by this oddity.
    Marked(&'static str),
    /// Whether a wrong checksum is one: libpcap does not say, so with it nobody judges.
    Checksum,
}

/// What is sent.
pub(crate) struct Hellos {
    /// The hello that the server is to get.
    pub(crate) real: Vec<u8>,
    /// Another one of the same length, with other ciphers and another name.
    pub(crate) decoy: Vec<u8>,
}

impl Hellos {
    pub(crate) fn new(name: &str) -> Self {
        let host = format!("{}.example", name.replace('_', "-"));
        let real = hello(&host, &[0x1301, 0x1302, 0xc02b, 0xc02f]);
        let decoy = hello(&"x".repeat(host.len()), &[0x1303, 0xc030, 0x009c, 0x0035]);
        assert_eq!(real.len(), decoy.len());
        Self { real, decoy }
    }

    /// The real hello with the decoy's bytes from `from` to `to`.
    fn spoilt(&self, from: usize, to: usize) -> Vec<u8> {
        [&self.real[..from], &self.decoy[from..to], &self.real[to..]].concat()
    }
}

/// A hello of 600 bytes in one record.
fn hello(host: &str, ciphers: &[u16]) -> Vec<u8> {
    base(host, ciphers).padded_to(595).record()
}

fn base(host: &str, ciphers: &[u16]) -> Hello {
    Hello::new(ciphers)
        .server_name(host)
        .groups(&[0x001d, 0x0018])
        .point_formats(&[0])
        .alpn(&[b"h2", b"http/1.1"])
        .signature_algorithms(&[0x0403, 0x0804, 0x0401])
        .versions(&[0x0304, 0x0303])
}

/// Pieces of `size` bytes, with their offsets.
fn pieces(bytes: &[u8], size: usize) -> impl DoubleEndedIterator<Item = (usize, &[u8])> {
    let count = bytes.len().div_ceil(size);
    (0..count)
        .map(move |index| (index * size, &bytes[index * size..bytes.len().min((index + 1) * size)]))
}

const fn v4(name: &'static str, served: usize, play: fn(&mut Client<'_>, &Hellos)) -> Scenario {
    Scenario { name, is_v6: false, served, limit: Limit::Nothing, play }
}

const fn v6(name: &'static str, served: usize, play: fn(&mut Client<'_>, &Hellos)) -> Scenario {
    Scenario { name, is_v6: true, served, limit: Limit::Nothing, play }
}

impl Scenario {
    const fn limited_by(self, limit: Limit) -> Self {
        Self { limit, ..self }
    }
}

/// Of bytes behind a hole that contradict each other the server may keep those that came last; the
/// agent keeps those that came first.
const CONFLICT: Limit = Limit::Marked("overlap_conflict");
/// The server's kernel takes the urgent byte out of the stream, unless a later one comes before the
/// server reads it.
const URGENT: Limit = Limit::Marked("urgent");

/// All of them.
pub(crate) const ALL: &[Scenario] = &[
    v4("whole", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real);
    }),
    v6("whole_v6", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real);
    }),
    v4("one_byte_segments", 1, |c, h| {
        c.handshake();
        pieces(&h.real, 1).for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("one_byte_segments_reversed", 1, |c, h| {
        c.handshake();
        pieces(&h.real, 1).rev().for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v6("reversed_v6", 1, |c, h| {
        c.handshake();
        pieces(&h.real, 100).rev().for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("every_other_first", 1, |c, h| {
        c.handshake();
        pieces(&h.real, 10).skip(1).step_by(2).for_each(|(at, bytes)| c.data(at, bytes));
        pieces(&h.real, 10).step_by(2).for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("everything_thrice", 1, |c, h| {
        c.handshake();
        for (at, bytes) in pieces(&h.real, 100) {
            (0..3).for_each(|_| c.data(at, bytes));
        }
        pieces(&h.real, 100).for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("retransmitted_as_one", 1, |c, h| {
        c.handshake();
        c.data(100, &h.real[100..200]);
        c.data(0, &h.real[..100]);
        c.data(0, &h.real);
    }),
    v4("overlap_same", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real[..300]);
        c.data(200, &h.real[200..500]);
        c.data(100, &h.real[100..]);
    }),
    // Bytes that the server has in order are never replaced.
    v4("conflict_in_order", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real[..300]);
        c.data(0, &h.spoilt(0, 300));
    }),
    // Nor are bytes behind a hole by a segment that begins inside them,
    v4("conflict_begins_inside", 1, |c, h| {
        c.handshake();
        c.data(100, &h.real[100..300]);
        c.data(150, &h.spoilt(150, 300)[150..400]);
        c.data(0, &h.real[..100]);
        c.data(400, &h.real[400..]);
    }),
    // or one that begins with them and is not longer.
    v4("conflict_begins_with", 1, |c, h| {
        c.handshake();
        c.data(100, &h.real[100..300]);
        c.data(100, &h.decoy[100..300]);
        c.data(0, &h.real[..100]);
        c.data(300, &h.real[300..]);
    }),
    // But they give way to one that begins before them, as far as it goes,
    v4("conflict_begins_before", 1, |c, h| {
        c.handshake();
        c.data(100, &h.spoilt(100, 200)[100..300]);
        c.data(50, &h.real[50..200]);
        c.data(0, &h.real[..50]);
        c.data(300, &h.real[300..]);
    })
    .limited_by(CONFLICT),
    v4("conflict_covered", 1, |c, h| {
        c.handshake();
        c.data(100, &h.decoy[100..200]);
        c.data(50, &h.real[50..300]);
        c.data(0, &h.real[..50]);
        c.data(300, &h.real[300..]);
    })
    .limited_by(CONFLICT),
    // to a longer one that begins with them,
    v4("conflict_longer", 1, |c, h| {
        c.handshake();
        c.data(100, &h.decoy[100..200]);
        c.data(100, &h.real[100..300]);
        c.data(0, &h.real[..100]);
        c.data(300, &h.real[300..]);
    })
    .limited_by(CONFLICT),
    // and to whatever comes in order.
    v4("conflict_in_order_over_held", 1, |c, h| {
        c.handshake();
        c.data(100, &h.decoy[100..200]);
        c.data(0, &h.real);
    })
    .limited_by(CONFLICT),
    v6("conflict_in_order_over_part_of_held", 1, |c, h| {
        c.handshake();
        c.data(100, &h.spoilt(100, 200)[100..300]);
        c.data(0, &h.real[..200]);
        c.data(300, &h.real[300..]);
    })
    .limited_by(CONFLICT),
    v4("records_of_one_byte", 1, |c, h| {
        c.handshake();
        let stream: Vec<u8> = h.real[5..205].iter().flat_map(|byte| record(22, &[*byte])).collect();
        let stream = [stream, record(22, &h.real[205..])].concat();
        pieces(&stream, 1_000).for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("records_and_segments", 1, |c, h| {
        c.handshake();
        let stream: Vec<u8> = h.real[5..].chunks(7).flat_map(|part| record(22, part)).collect();
        pieces(&stream, 13).rev().for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("large", 1, |c, _| {
        c.handshake();
        let hello = base("large.example", &[0x1301, 0x1302]).padded_to(12_000).record();
        pieces(&hello, 1_400).rev().for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("fragments", 1, |c, h| {
        c.handshake();
        let frames = c.segment(0, &h.real).fragments(&[64, 320]);
        frames.into_iter().for_each(|frame| c.send_frame(frame));
    }),
    v4("fragments_reversed_first_tiny", 1, |c, h| {
        c.handshake();
        let frames = c.segment(0, &h.real).fragments(&[8, 16, 320]);
        frames.into_iter().rev().for_each(|frame| c.send_frame(frame));
    }),
    v6("fragments_v6", 1, |c, h| {
        c.handshake();
        // IPv6 wants all of the TCP header in the first one (RFC 7112 section 5).
        let frames = c.segment(0, &h.real).fragments(&[64, 320]);
        frames.into_iter().rev().for_each(|frame| c.send_frame(frame));
    }),
    v4("fragments_twice", 1, |c, h| {
        c.handshake();
        let frames = c.segment(0, &h.real).fragments(&[64, 320]);
        for frame in frames {
            c.send_frame(frame.clone());
            c.send_frame(frame);
        }
    }),
    // The kernel throws a datagram away whose fragments overlap; the client sends it once more.
    v4("fragments_that_overlap", 1, overlapping_fragments),
    v6("fragments_that_overlap_v6", 1, overlapping_fragments),
    v4("keep_alive_before", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(-1, b"?"));
        c.data(0, &h.real);
    }),
    v4("sequence_wraps", 1, |c, h| {
        c.initial = u32::MAX - 250;
        c.handshake();
        pieces(&h.real, 100).rev().for_each(|(at, bytes)| c.data(at, bytes));
    }),
    v4("fast_open", 1, |c, h| {
        let syn = c.syn().options([&MSS[..], &COOKIE_REQUEST[..]].concat());
        c.handshake_with(&Packet { payload: h.real.clone(), ..syn });
    }),
    v4("fast_open_and_rest", 1, |c, h| {
        let syn = c.syn().options([&MSS[..], &COOKIE_REQUEST[..]].concat());
        c.handshake_with(&Packet { payload: h.real[..200].to_vec(), ..syn });
        c.data(200, &h.real[200..]);
    }),
    v4("data_on_syn_and_again", 1, |c, h| {
        c.handshake_with(&Packet { payload: h.real.clone(), ..c.syn().options(MSS) });
        c.data(0, &h.real);
    }),
    v4("urgent_flag_alone", 0, |c, h| {
        c.handshake();
        let packet = c.segment(0, &h.real);
        c.send(&packet.clone().flags(packet.flags | flags::URG));
    })
    .limited_by(URGENT),
    v4("urgent_byte", 1, |c, h| {
        c.handshake();
        let stream = [&h.real[..100], b"!", &h.real[100..]].concat();
        let packet = c.segment(0, &stream);
        let mut frame = packet.clone().flags(packet.flags | flags::URG).frame();
        set_urgent(&mut frame, 101);
        c.send_frame(frame);
    })
    .limited_by(URGENT),
    v4("bad_checksum_alone", 0, |c, h| {
        c.handshake();
        c.send_frame(bad_checksum(&c.segment(0, &h.decoy)));
    })
    .limited_by(Limit::Checksum),
    v4("bad_checksum_first", 1, |c, h| {
        c.handshake();
        c.send_frame(bad_checksum(&c.segment(0, &h.decoy)));
        c.data(0, &h.real);
    })
    .limited_by(Limit::Checksum),
    v6("bad_checksum_first_v6", 1, |c, h| {
        c.handshake();
        c.send_frame(bad_checksum(&c.segment(0, &h.decoy)));
        c.data(0, &h.real);
    })
    .limited_by(Limit::Checksum),
    v4("bad_checksum_part_first", 1, |c, h| {
        c.handshake();
        c.send_frame(bad_checksum(&c.segment(0, &h.decoy[..200])));
        pieces(&h.real, 100).for_each(|(at, bytes)| c.data(at, bytes));
    })
    .limited_by(Limit::Checksum),
    v4("bad_checksum_in_fragments_first", 1, |c, h| {
        c.handshake();
        let spoilt = Packet { id: 7, ..c.segment(0, &h.decoy) };
        let mut frames = spoilt.fragments(&[64, 320]);
        frames[1][40] ^= 0x55;
        frames.into_iter().for_each(|frame| c.send_frame(frame));
        c.data(0, &h.real);
    })
    .limited_by(Limit::Checksum),
    v4("bad_ip_checksum_first", 1, |c, h| {
        c.handshake();
        let mut frame = c.segment(0, &h.decoy).frame();
        frame[24] ^= 0x55;
        c.send_frame(frame);
        c.data(0, &h.real);
    })
    .limited_by(Limit::Checksum),
    v4("ip_length_beyond_frame_first", 1, |c, h| {
        c.handshake();
        let mut frame = c.segment(0, &h.decoy).frame();
        frame.truncate(frame.len() - 8);
        c.send_frame(frame);
        c.data(0, &h.real);
    })
    .limited_by(Limit::Checksum),
    v4("bytes_behind_the_datagram", 1, |c, h| {
        c.handshake();
        let mut frame = c.segment(0, &h.real[..200]).frame();
        frame.extend([b'?'; 40]);
        c.send_frame(frame);
        c.data(200, &h.real[200..]);
    }),
    v4("no_ack_flag_first", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(0, &h.decoy).flags(flags::PSH));
        c.data(0, &h.real);
    }),
    v4("no_flags_first", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(0, &h.decoy).flags(0));
        c.data(0, &h.real);
    }),
    v4("signature_option_first", 1, |c, h| {
        c.handshake();
        let signature = [&[19, 18][..], &[0x5a; 16], &[1, 1]].concat();
        c.send(&c.segment(0, &h.decoy).options(signature));
        c.data(0, &h.real);
    }),
    v6("extension_headers", 1, |c, h| {
        c.handshake();
        // Padding options in a hop-by-hop and a destination header.
        let padding = [1, 4, 0, 0, 0, 0];
        c.send(&c.segment(0, &h.real).extension(0, padding).extension(60, padding));
    }),
    v4("before_the_window_first", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(-600, &h.decoy));
        c.data(0, &h.real);
    }),
    v4("behind_the_window_first", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(1 << 20, &h.decoy));
        c.data(0, &h.real);
    }),
    v4("reset_with_other_numbers", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real[..100]);
        for offset in [-500, 99, 101, 500, 1 << 20] {
            c.send(&c.segment(offset, &[]).flags(flags::RST | flags::ACK));
        }
        c.data(100, &h.real[100..]);
    }),
    v4("reset_in_earnest", 0, |c, h| {
        c.handshake();
        c.data(0, &h.real[..100]);
        c.send(&c.segment(100, &[]).flags(flags::RST | flags::ACK));
        c.data(100, &h.real[100..]);
    }),
    v4("syn_in_the_middle", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real[..100]);
        for offset in [-1, 50, 5_000, 1 << 20] {
            c.send(&c.segment(offset, &[]).flags(flags::SYN).options(MSS));
        }
        c.data(100, &h.real[100..]);
    }),
    v4("fin_with_the_end", 1, |c, h| {
        c.handshake();
        c.data(0, &h.real[..100]);
        c.send(&c.segment(100, &h.real[100..]).flags(flags::FIN | flags::ACK));
    }),
    v4("fin_before_the_rest", 1, |c, h| {
        c.handshake();
        c.send(&c.segment(300, &h.real[300..]).flags(flags::FIN | flags::ACK));
        c.data(0, &h.real[..300]);
    }),
    v4("ends_used_again_after_reset", 2, |c, h| {
        c.handshake();
        c.data(0, &h.real);
        c.reset();
        c.initial = c.initial.wrapping_add(5_000_000);
        c.handshake();
        c.data(0, &h.decoy);
    }),
    v4("ends_used_again_in_the_middle", 1, |c, h| {
        c.handshake();
        c.data(0, &h.decoy[..300]);
        c.reset();
        c.initial = c.initial.wrapping_add(1_000);
        c.handshake();
        c.data(0, &h.real);
    }),
    v4("retry_request", 2, |c, _| {
        let hello = |group: u16, key: usize| {
            let share = [&group.to_be_bytes()[..], &length(key), &vec![4; key]].concat();
            let shares = [&length(share.len())[..], &share].concat();
            base("retry.example", &[0x1301, 0x1302]).extension(0x0033, &shares).record()
        };
        let first = hello(0x001d, 32);
        c.handshake();
        pieces(&first, 50).rev().for_each(|(at, bytes)| c.data(at, bytes));
        c.listen();
        let change_cipher_spec = record(20, &[1]);
        let second = [change_cipher_spec, hello(0x0018, 97)].concat();
        pieces(&second, 30).rev().for_each(|(at, bytes)| c.data(first.len() + at, bytes));
    }),
];

/// TCP Fast Open (RFC 7413): no cookie yet.
const COOKIE_REQUEST: [u8; 4] = [34, 2, 1, 1];

fn overlapping_fragments(client: &mut Client<'_>, hellos: &Hellos) {
    client.handshake();
    let decoy = client.segment(0, &hellos.decoy);
    let other = Packet { payload: hellos.spoilt(0, 300), ..decoy.clone() };
    // [0, 320) of one, [160, 320) of another, the rest.
    let [first, last] = <[Vec<u8>; 2]>::try_from(decoy.fragments(&[320])).unwrap();
    let [_, middle, _] = <[Vec<u8>; 3]>::try_from(other.fragments(&[160, 320])).unwrap();
    [first, middle, last].into_iter().for_each(|frame| client.send_frame(frame));
    client.data(0, &hellos.real);
}

/// The TCP header's place in a frame without tags, options and extension headers.
fn tcp_at(frame: &[u8]) -> usize {
    if frame[12..14] == [0x86, 0xdd] { 54 } else { 34 }
}

fn bad_checksum(packet: &Packet) -> Vec<u8> {
    let mut frame = packet.frame();
    let at = tcp_at(&frame) + 16;
    frame[at] ^= 0x55;
    frame
}

/// Sets the urgent pointer and puts the checksum right (RFC 1624).
fn set_urgent(frame: &mut [u8], pointer: u16) {
    let at = tcp_at(frame);
    frame[at + 18..at + 20].copy_from_slice(&pointer.to_be_bytes());
    let old = u16::from_be_bytes([frame[at + 16], frame[at + 17]]);
    let sum = u32::from(!old) + u32::from(pointer);
    let new = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    frame[at + 16..at + 18].copy_from_slice(&new.to_be_bytes());
}

fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap().to_be_bytes()
}
