//! The corpora of well-behaved clients: many short connections, and few long ones.

use std::io;

use super::clients::Client;
use super::connection::Connection;
use super::encode::record;
use super::flow::Flow;
use super::hello::Hello;
use super::random::Random;
use super::schedule::Schedule;
use super::truth::{Outcome, Writer};

/// Between the beginnings of two connections, microseconds.
const SHORT_GAP: u64 = 50;
const LONG_GAP: u64 = 20_000;

/// Blocks of addresses that the clients of short connections come from.
const BLOCKS: u64 = 8;

/// The largest record of application data, bytes (RFC 8446 section 5.1).
const RECORD: usize = 16_384;

/// Between two pairs of segments of bulk data, microseconds.
const PAIR_GAP: u64 = 90;

/// How far the bytes of a record are turned against those of the one before.
const TURN: usize = 37;

/// Connections that end behind their hello.
pub(super) fn short(
    connections: u64,
    random: &mut Random,
    schedule: &mut Schedule<'_>,
    truth: &mut Writer<'_>,
) -> io::Result<()> {
    for index in 0..connections {
        let time = index * SHORT_GAP;
        schedule.write_until(time)?;
        let block = u8::try_from(index % BLOCKS).unwrap_or_default() + 1;
        let is_ipv6 = random.one_in(4);
        let flow = Flow::new(index, block, is_ipv6, random);
        let hello = Hello::new(Client::pick(random), false, random);
        let mut connection = Connection::open(schedule, flow, time, random);
        let segments = connection.client_sends(&hello.bytes);
        connection.server_answers(hello.offers_tls13(), random);
        connection.close();
        truth.write(&connection.flow, &Outcome::found("plain", &hello, segments))?;
    }
    Ok(())
}

/// Connections that carry `bytes` behind their hello: nine down, one up.
pub(super) fn bulk(
    connections: u64,
    bytes: usize,
    random: &mut Random,
    schedule: &mut Schedule<'_>,
    truth: &mut Writer<'_>,
) -> io::Result<()> {
    for index in 0..connections {
        let time = index * LONG_GAP;
        schedule.write_until(time)?;
        let is_ipv6 = random.one_in(4);
        let flow = Flow::new(index, 1, is_ipv6, random);
        let hello = Hello::new(Client::pick(random), false, random);
        let mut connection = Connection::open(schedule, flow, time, random);
        let segments = connection.client_sends(&hello.bytes);
        connection.server_answers(hello.offers_tls13(), random);
        transfer(&mut connection, bytes, random);
        connection.close();
        truth.write(&connection.flow, &Outcome::found("bulk", &hello, segments))?;
    }
    Ok(())
}

/// Sends full records in pairs of full segments, each pair acknowledged.
fn transfer(connection: &mut Connection<'_, '_>, bytes: usize, random: &mut Random) {
    let is_upload = random.one_in(10);
    let mut block = random.bytes(RECORD);
    let pair = connection.flow.segment_size() * 2;
    let (mut stream, mut left) = (Vec::new(), bytes);
    while left > 0 {
        let size = left.min(RECORD);
        stream.extend(record(0x17, [3, 3], block.get(..size).unwrap_or_default()));
        block.rotate_left(TURN);
        left -= size;
        let mut unsent = stream.as_slice();
        while unsent.len() >= pair / 2 || (left == 0 && !unsent.is_empty()) {
            let (now, later) = unsent.split_at(pair.min(unsent.len()));
            unsent = later;
            connection.time += PAIR_GAP;
            if is_upload {
                connection.client_sends(now);
                connection.server_acknowledges();
            } else {
                connection.server_sends(now);
                connection.client_acknowledges();
            }
        }
        stream = unsent.to_vec();
    }
}
