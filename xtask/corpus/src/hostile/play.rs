//! One connection of each case.

use std::io;

use super::case::Case;
use crate::clients::Client;
use crate::connection::{Connection, advanced};
use crate::encode::record;
use crate::flow::{Flow, Wrapping};
use crate::hello::Hello;
use crate::packet::{ACK, PSH, SYN, Segment};
use crate::random::Random;
use crate::schedule::Schedule;
use crate::truth::{Outcome, Writer};

/// Bytes that two overlapping segments share.
const OVERLAP: usize = 300;

/// Bytes of a hello that ride on its SYN, at the most.
const ON_SYN: usize = 1000;

/// Between two segments that are sent out of the ordinary, microseconds.
const GAP: u64 = 200;

/// Where lengths stand in a record with a hello: the record's, the message's, the session's.
const RECORD_LENGTH: usize = 3;
const MESSAGE_LENGTH: usize = 6;
const SESSION_LENGTH: usize = 43;

/// Plays the case, and writes what has to come of it.
pub(super) fn play(
    case: Case,
    index: u64,
    time: u64,
    random: &mut Random,
    schedule: &mut Schedule<'_>,
    truth: &mut Writer<'_>,
) -> io::Result<()> {
    let is_ipv6 = match case {
        Case::Ipv6HopByHop => true,
        Case::Ipv4Options | Case::Ipv4Fragments => false,
        _ => random.one_in(4),
    };
    let block = u8::try_from(index % 4).unwrap_or_default() + 100;
    let mut flow = Flow::new(index, block, is_ipv6, random);
    flow.server_port = case.port();
    flow.wrapping = wrapping(case);
    let client = match case.needs_two_segments() {
        true => Client::ChromiumPostQuantum,
        false => Client::pick(random),
    };
    let hello = Hello::new(client, case == Case::Big, random);
    if case == Case::HalfOpen {
        half_open(&flow, time, random, schedule);
        return Ok(());
    }
    let mut connection = open(case, flow, time, random, schedule);
    let segments = send(case, &hello.bytes, &mut connection, random);
    if case != Case::Unfinished {
        connection.server_answers(true, random);
        connection.close();
    }
    let (min, max) = case.hellos();
    let hello = case.has_hello().then_some((&hello, segments));
    truth.write(&connection.flow, &Outcome { category: case.name(), min, max, hello })?;
    Ok(())
}

fn wrapping(case: Case) -> Wrapping {
    match case {
        Case::Vlan => Wrapping::Vlan,
        Case::QinQ => Wrapping::QinQ,
        Case::Ipv4Options => Wrapping::Ipv4Options,
        Case::Ipv6HopByHop => Wrapping::Ipv6HopByHop,
        Case::Ipv4Fragments => Wrapping::Ipv4Fragments,
        _ => Wrapping::Plain,
    }
}

fn half_open(flow: &Flow, time: u64, random: &mut Random, schedule: &mut Schedule<'_>) {
    let syn = Segment {
        from_client: true,
        sequence: random.word(),
        acknowledgement: 0,
        flags: SYN,
        payload: &[],
        clock: u32::try_from(time / 1000).unwrap_or(u32::MAX),
    };
    schedule.add(time, syn.frames(flow));
}

/// The connection up to where its hello begins.
fn open<'a, 'w>(
    case: Case,
    flow: Flow,
    time: u64,
    random: &mut Random,
    schedule: &'a mut Schedule<'w>,
) -> Connection<'a, 'w> {
    match case {
        Case::NoSyn | Case::FastOpen => {
            let first = random.word();
            Connection::silent(schedule, flow, time, first, random)
        }
        Case::SequenceWrap => {
            let first = random.within(5..1440).wrapping_neg();
            let mut connection = Connection::silent(schedule, flow, time, first, random);
            connection.handshake();
            connection
        }
        _ => Connection::open(schedule, flow, time, random),
    }
}

/// What the client sends; gives the number of its segments.
fn send(case: Case, hello: &[u8], to: &mut Connection<'_, '_>, random: &mut Random) -> usize {
    let size = to.flow.segment_size();
    let overlapping = size - OVERLAP;
    match case {
        Case::OutOfOrder => pieces(to, hello, &[(size, hello.len()), (0, size)]),
        Case::Retransmitted => {
            let (first, second) = ((0, size), (size, hello.len()));
            pieces(to, hello, &[first, first, second, first, second])
        }
        Case::OverlapEqual => pieces(to, hello, &[(0, size), (overlapping, hello.len())]),
        Case::OverlapConflicting => {
            let (first, second) = hello.split_at(size);
            let mut shared = first.split_at(overlapping).1.to_vec();
            shared.iter_mut().for_each(|byte| *byte ^= 0xff);
            let (base, acknowledgement) = (to.client, to.server);
            put(to, base, acknowledgement, first);
            let at = advanced(base, overlapping);
            put(to, at, acknowledgement, &[&shared, second].concat());
            to.client = advanced(base, hello.len());
            2
        }
        Case::SingleBytes => single_bytes(to, hello, 0..hello.len()),
        Case::SingleBytesReversed => single_bytes(to, hello, (0..hello.len()).rev()),
        Case::Unfinished => {
            let most = u32::try_from(hello.len() - 1).unwrap_or(u32::MAX).min(1400);
            let (begun, _) = hello.split_at(random.within(6..most) as usize);
            let (sequence, acknowledgement) = (to.client, to.server);
            put(to, sequence, acknowledgement, begun);
            1
        }
        Case::Junk => {
            let junk = junk(random);
            to.client_sends(&junk)
        }
        Case::PlainHttp => to.client_sends(
            b"GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
        ),
        Case::RecordFragments => {
            let size = random.within(20..400) as usize;
            let message = hello.get(5..).unwrap_or_default();
            let records: Vec<_> =
                message.chunks(size).flat_map(|part| record(0x16, [3, 1], part)).collect();
            to.client_sends(&records)
        }
        Case::FalseLength => {
            let mut lie = hello.to_vec();
            let (at, length): (_, &[u8]) = match random.below(4) {
                0 => (MESSAGE_LENGTH, &[0xff, 0xff, 0xff]),
                1 => (RECORD_LENGTH, &[0xff, 0xff]),
                2 => (SESSION_LENGTH, &[0xff, 0xff]),
                _ => (SESSION_LENGTH, &[0xfe]),
            };
            overwrite(&mut lie, at, length);
            to.client_sends(&lie)
        }
        Case::FastOpen => fast_open(to, hello),
        Case::TupleReuse => {
            to.client_sends(hello);
            to.server_answers(true, random);
            to.close();
            to.time += 500_000;
            to.client = random.word();
            to.server = random.word();
            to.handshake();
            to.client_sends(hello);
            2
        }
        Case::Retry => {
            to.client_sends(hello);
            to.server_answers(true, random);
            to.client_sends(&[&record(0x14, [3, 3], &[1]), hello].concat());
            2
        }
        Case::StartTls => {
            start_tls(to);
            to.client_sends(hello);
            2
        }
        Case::KeepAlive => {
            to.time += 100;
            to.put(to.client.wrapping_sub(1), to.server, ACK, &[0]);
            to.client_sends(hello)
        }
        _ => to.client_sends(hello),
    }
}

/// Sends these pieces of the hello, in this order, all with the same acknowledgement.
fn pieces(to: &mut Connection<'_, '_>, hello: &[u8], pieces: &[(usize, usize)]) -> usize {
    let (base, acknowledgement) = (to.client, to.server);
    for &(from, end) in pieces {
        put(to, advanced(base, from), acknowledgement, hello.get(from..end).unwrap_or_default());
    }
    to.client = advanced(base, hello.len());
    pieces.len()
}

fn single_bytes(
    to: &mut Connection<'_, '_>,
    hello: &[u8],
    places: impl Iterator<Item = usize>,
) -> usize {
    let pieces_: Vec<_> = places.map(|place| (place, place + 1)).collect();
    pieces(to, hello, &pieces_)
}

fn put(to: &mut Connection<'_, '_>, sequence: u32, acknowledgement: u32, payload: &[u8]) {
    to.time += GAP;
    to.put(sequence, acknowledgement, ACK | PSH, payload);
}

/// The hello's first bytes on the SYN, the others behind the handshake.
fn fast_open(to: &mut Connection<'_, '_>, hello: &[u8]) -> usize {
    let (on_syn, after) = hello.split_at(hello.len().min(ON_SYN));
    to.put(to.client, 0, SYN, on_syn);
    to.client = advanced(to.client, 1 + on_syn.len());
    to.time += 10_000;
    to.accept();
    to.time += 10_000;
    to.client_acknowledges();
    1 + to.client_sends(after)
}

/// Bytes that are no TLS: some begin like a record, like a hello of SSL 2.0, or like SSH.
fn junk(random: &mut Random) -> Vec<u8> {
    let length = random.within(20..1400) as usize;
    let mut junk = random.bytes(length);
    match random.below(4) {
        0 => overwrite(&mut junk, 0, &[0x16, 3, 1]),
        1 => {
            overwrite(&mut junk, 0, &[0x80]);
            overwrite(&mut junk, 2, &[1, 3, 1]);
        }
        2 => overwrite(&mut junk, 0, b"SSH-2.0-OpenSSH_9.2\r"),
        _ => {}
    }
    junk
}

/// SMTP up to where TLS begins.
fn start_tls(to: &mut Connection<'_, '_>) {
    to.server_sends(b"220 mail.example ESMTP\r\n");
    to.time += 1000;
    to.client_sends(b"EHLO client.example\r\n");
    to.time += 1000;
    to.server_sends(b"250-mail.example\r\n250 STARTTLS\r\n");
    to.time += 1000;
    to.client_sends(b"STARTTLS\r\n");
    to.time += 1000;
    to.server_sends(b"220 go ahead\r\n");
    to.time += 1000;
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(with) {
        *to = *from;
    }
}
