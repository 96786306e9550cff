//! Connections: what is kept, taken up, handed up and let go, packet by packet.

use ja4sentinel_common::Counter::*;
use ja4sentinel_tests::frames::{Packet, flags};

use crate::bench::{
    ANSWER, BUDGET, CHANGE_CIPHER_SPEC, Event, Row, application_data, client4, client6, data,
    flagged, hello, syn,
};

pub(crate) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(segments());
    rows.extend(after_the_hello());
    rows.extend(second_hello());
    rows.extend(unknown_starts());
    rows.extend(preambles());
    rows.extend(syns());
    rows.extend(endings());
    rows
}

/// The SYN of these rows.
fn opening() -> Packet {
    syn(client4(), 100)
}

/// A client segment at this offset of the stream, before the server's answer.
fn at(offset: u32, payload: impl Into<Vec<u8>>) -> Packet {
    data(client4(), 101 + offset, payload)
}

/// A client segment at this offset, after the server's answer.
fn answered(offset: u32, payload: impl Into<Vec<u8>>) -> Packet {
    at(offset, payload).acknowledging(ANSWER + 1000)
}

/// SYN and a hello of 517 bytes have come.
fn begun(name: &'static str) -> Row {
    let (syn, hello) = (opening(), at(0, hello(517)));
    Row::new(name).quiet(&syn, SynKept).up_with(&syn, &hello)
}

fn segments() -> Vec<Row> {
    let whole = hello(1800);
    let [first, second] = [at(0, &whole[..1448]), at(1448, &whole[1448..])];
    let wrapping = syn(client6(), u32::MAX - 700);
    let wrapped = |offset: u32, payload: &[u8]| {
        data(client6(), (u32::MAX - 700).wrapping_add(1 + offset), payload)
    };
    let records = [&[0x16, 3, 1, 0, 4, 1, 0, 2, 0][..], &[0x16, 3, 1, 2, 0], &[9; 512]].concat();
    let tiny = (1..12).fold(
        Row::new("a byte a segment").quiet(&opening(), SynKept).up_with(&opening(), &at(0, [0x16])),
        |row, offset: u32| row.up(&at(offset, [whole[offset as usize]])),
    );
    let fast_open = Packet { payload: hello(517), ..opening() };
    vec![
        Row::new("two segments")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &first)
            .up(&second)
            .tally(ConnectionsWithSyn, 1)
            .tally(ConnectionsWithoutSyn, 0),
        Row::new("second segment first")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &second)
            .up(&first)
            .quiet(&answered(1800, application_data(99)), Settled),
        Row::new("segments repeated before the answer")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &first)
            .up(&first)
            .up(&second)
            .up(&first),
        Row::new("sequence numbers wrap")
            .quiet(&wrapping, SynKept)
            .up_with(&wrapping, &wrapped(0, &whole[..600]))
            .up(&wrapped(600, &whole[600..1200]))
            .up(&wrapped(1200, &whole[1200..]))
            .quiet(&wrapped(1800, &application_data(50)).acknowledging(ANSWER + 1), Settled),
        Row::new("a hello of many records")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &at(0, &records[..9]))
            .up(&at(9, &records[9..300]))
            .up(&at(300, &records[300..]))
            .quiet(&answered(526, application_data(99)), Settled),
        Row::new("keep-alive byte in mid-hello")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &first)
            .up(&at(1447, [0]))
            .up(&second),
        Row::new("server speaks in mid-hello: the announced record is still wanted")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &first)
            .up(&second.clone().acknowledging(ANSWER + 7)),
        tiny,
        Row::new("Fast Open")
            .up(&fast_open)
            .tally(ConnectionsWithSyn, 1)
            .quiet(&Packet { payload: vec![], ..fast_open.clone() }, SynRepeated)
            .up(&answered(517, application_data(99)))
            .quiet(&answered(621, application_data(99)).acknowledging(ANSWER + 5000), Settled),
        Row::new("Fast Open, many records")
            .up(&Packet { payload: records[..9].to_vec(), ..opening() })
            .up(&at(9, &records[9..300]))
            .up(&at(300, &records[300..]))
            .quiet(&answered(526, application_data(99)), Settled),
        Row::new("Fast Open, data again in a segment of its own")
            .up(&fast_open)
            .up(&at(0, hello(517))),
    ]
}

fn after_the_hello() -> Vec<Row> {
    let second_flight = [&CHANGE_CIPHER_SPEC[..], &application_data(53)].concat();
    vec![
        begun("bulk data")
            .quiet(&answered(517, application_data(1400)), Settled)
            .quiet(&answered(1922, [0x33; 1400]), Settled)
            .quiet(&answered(3322, [0x33; 1400]), Settled)
            .quiet(&answered(4722, []), NoPayload),
        begun("TLS 1.3, second flight")
            .quiet(&answered(517, second_flight), Settled)
            .quiet(&answered(576, application_data(99)), Settled),
        begun("TLS 1.3, second flight in two segments")
            .up(&answered(517, CHANGE_CIPHER_SPEC))
            .quiet(&answered(523, application_data(53)), Settled),
        begun("TLS 1.2, second flight")
            .quiet(&answered(517, [0x16, 3, 3, 0, 37, 16, 0, 0, 33, 32]), Settled),
        begun("alert after the answer").quiet(&answered(517, [0x15, 3, 3, 0, 2, 2, 40]), Settled),
        begun("early data is still handed up")
            .up(&at(517, CHANGE_CIPHER_SPEC))
            .up(&at(523, application_data(900)))
            .quiet(&answered(1428, application_data(53)), Settled),
        begun("later data overtakes the second flight")
            .up(&answered(576, application_data(99)))
            .quiet(&answered(680, application_data(99)), Settled),
    ]
}

fn second_hello() -> Vec<Row> {
    let behind_ccs = [&CHANGE_CIPHER_SPEC[..], &hello(600)].concat();
    let again = |offset| answered(offset, application_data(53)).acknowledging(ANSWER + 5000);
    let dribbled = (0..12).fold(begun("second hello, a byte a segment"), |row, offset: u32| {
        row.up(&answered(517 + offset, [behind_ccs[offset as usize]]))
    });
    vec![
        begun("second hello")
            .up(&answered(517, hello(600)))
            .quiet(&again(1117), Settled)
            .quiet(&again(1200), Settled),
        begun("second hello behind a change_cipher_spec")
            .up(&answered(517, behind_ccs.clone()))
            .quiet(&again(1123), Settled),
        begun("second hello after a change_cipher_spec")
            .up(&answered(517, CHANGE_CIPHER_SPEC))
            .up(&answered(523, &hello(600)[..400]))
            .up(&answered(923, &hello(600)[400..]))
            .quiet(&again(1123), Settled),
        begun("second hello, later segment first")
            .up(&answered(917, &hello(600)[400..]))
            .up(&answered(517, &hello(600)[..400]))
            .quiet(&again(1117), Settled),
        begun("second hello after early data")
            .up(&at(517, application_data(900)))
            .up(&answered(1422, hello(600)))
            .quiet(&again(2022), Settled),
        begun("no third hello")
            .up(&answered(517, hello(600)))
            .quiet(&answered(1117, hello(600)).acknowledging(ANSWER + 5000), Settled),
        dribbled.quiet(&again(529), Settled),
    ]
}

fn unknown_starts() -> Vec<Row> {
    let starts: [&[u8]; 5] =
        [&[0x16], &[0x16, 3], &[0x16, 3, 0], &[0x16, 3, 4, 1], &[0x16, 3, 3, 2, 0]];
    let others: [&[u8]; 5] =
        [&[0x15], &[0x16, 2], &[0x16, 3, 5], &[0x16, 3, 1, 0, 5, 2], &[0x80, 0x2e, 1, 0, 2]];
    let mut rows = vec![
        Row::new("hello without SYN")
            .up(&at(0, hello(517)))
            .tally(ConnectionsWithoutSyn, 1)
            .tally(ConnectionsWithSyn, 0)
            .quiet(&answered(517, application_data(99)), Settled),
        Row::new("two segments without SYN")
            .up(&at(0, &hello(1800)[..1000]))
            .up(&at(1000, &hello(1800)[1000..])),
        Row::new("second segment first without SYN")
            .quiet(&at(1000, &hello(1800)[1000..]), UnknownConnection)
            .up(&at(0, &hello(1800)[..1000])),
    ];
    rows.extend(starts.map(|start| {
        Row::new("beginning of a hello without SYN")
            .up(&at(0, start))
            .up(&at(u32::try_from(start.len()).unwrap(), &hello(517)[start.len()..]))
    }));
    rows.extend(others.map(|other| {
        Row::new("something else without SYN").quiet(&at(0, other), UnknownConnection)
    }));
    rows
}

fn preambles() -> Vec<Row> {
    let budget = BUDGET as usize;
    let plain = vec![b'x'; 1400];
    let clipped = at(7000, plain.clone()).frame();
    let spent = Event {
        bytes: clipped[..clipped.len() - (8400 - budget)].to_vec(),
        original_len: u32::try_from(clipped.len()).unwrap(),
        skipped: 0,
    };
    let opened = |name, payload: &[u8]| {
        Row::new(name).quiet(&opening(), SynKept).up_with(&opening(), &at(0, payload))
    };
    let reopened = syn(client4(), 900_000);
    let whole = hello(1800);
    let anew = |offset: u32, payload: &[u8]| data(client4(), 900_001 + offset, payload);
    vec![
        opened("STARTTLS", b"EHLO me\r\n")
            .up(&at(9, *b"STARTTLS\r\n").acknowledging(ANSWER + 50))
            .up(&at(19, hello(517)).acknowledging(ANSWER + 80))
            .quiet(&answered(536, application_data(53)), Settled),
        opened("PROXY header in a segment of its own", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 443\r\n")
            .up(&at(34, hello(517)))
            .quiet(&answered(551, application_data(53)), Settled),
        opened("byte budget", &plain)
            .up(&at(1400, plain.clone()))
            .up(&at(2800, plain.clone()))
            .up(&at(4200, plain.clone()))
            .up(&at(5600, plain.clone()))
            .tally(BudgetSpent, 0)
            .frame(clipped, HandedUp, vec![spent])
            .tally(BudgetSpent, 1)
            .quiet(&at(8400, plain.clone()), Settled),
        opened("settled by the agent", b"GET / HTTP/1.1\r\n")
            .settle(&opening(), 1)
            .quiet(&at(16, *b"Host: example\r\n"), Settled)
            .quiet(&reopened, SynKept)
            .up_with(&reopened, &anew(0, &whole[..1000]))
            .up(&anew(1000, &whole[1000..])),
        opened(
            "settled too late: the ends are another connection's by then",
            b"GET / HTTP/1.1\r\n",
        )
        .quiet(&reopened, SynKept)
        .up_with(&reopened, &anew(0, &whole[..1000]))
        .settle(&opening(), 1)
        .up(&anew(1000, &whole[1000..]))
        .settle(&opening(), 5)
        .quiet(&anew(1800, b"more"), Settled),
    ]
}

fn syns() -> Vec<Row> {
    let again = Packet { options: vec![], ..opening() };
    let other = syn(client4(), 5_000_000);
    let of_other = |offset: u32, payload: &[u8]| data(client4(), 5_000_001 + offset, payload);
    let whole = hello(1800);
    vec![
        Row::new("SYN repeated: the first counts")
            .quiet(&opening(), SynKept)
            .quiet(&again, SynRepeated)
            .up_with(&opening(), &at(0, hello(517))),
        Row::new("SYN replaced")
            .quiet(&opening(), SynKept)
            .quiet(&other, SynKept)
            .tally(SynReplaced, 1)
            .up_with(&other, &of_other(0, &hello(517))),
        Row::new("hello that does not fit the SYN: a ruse")
            .quiet(&opening(), SynKept)
            .quiet(&of_other(0, &hello(517)), UnknownConnection)
            .up_with(&opening(), &at(0, hello(517)))
            .tally(ConnectionsWithoutSyn, 0),
        Row::new("SYN that does not fit: another connection's data")
            .quiet(&opening(), SynKept)
            .quiet(&of_other(0, b"data"), UnknownConnection),
        begun("port used again after the hello")
            .quiet(&answered(517, application_data(99)), Settled)
            .quiet(&other, SynKept)
            .quiet(&answered(621, application_data(99)), Settled)
            .up_with(&other, &of_other(0, &whole[..1448]))
            .up(&of_other(1448, &whole[1448..]))
            .tally(ConnectionsWithSyn, 2),
        Row::new("SYN of another in mid-hello: both go on")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &at(0, &whole[..1448]))
            .quiet(&other, SynKept)
            .up(&at(1448, &whole[1448..]))
            .up_with(&other, &of_other(0, &hello(517))),
        Row::new("Fast Open on used ends")
            .quiet(&opening(), SynKept)
            .up_with(&opening(), &at(0, hello(517)))
            .up(&Packet { payload: hello(517), ..other.clone() })
            .up(&of_other(517, b"x")),
        begun("SYN repeated after the hello").quiet(&opening(), SynRepeated),
    ]
}

fn endings() -> Vec<Row> {
    let part = |name| {
        Row::new(name).quiet(&opening(), SynKept).up_with(&opening(), &at(0, &hello(1800)[..1000]))
    };
    vec![
        part("FIN in mid-hello").up(&flagged(at(1000, []), flags::FIN)),
        part("RST in mid-hello")
            .up(&Packet { acknowledgement: 0, ..at(1000, []).flags(flags::RST) }),
        part("FIN with the last of the hello")
            .up(&flagged(at(1000, &hello(1800)[1000..]), flags::FIN)),
        begun("FIN after the answer, nothing said").up(&flagged(answered(517, []), flags::FIN)),
        part("forged RST in mid-hello")
            .up(&at(99_000_000, []).flags(flags::RST))
            .up(&at(1000, &hello(1800)[1000..])),
        begun("FIN after bulk data: the ends are free")
            .quiet(&answered(517, application_data(99)), Settled)
            .quiet(&flagged(answered(621, []), flags::FIN), Settled)
            .up(&data(client4(), 77_000_000, hello(517)))
            .tally(ConnectionsWithoutSyn, 1),
        begun("RST after bulk data")
            .quiet(&answered(517, application_data(99)), Settled)
            .quiet(&answered(621, []).flags(flags::RST), Settled)
            .quiet(&answered(621, [1, 2, 3]), UnknownConnection),
        Row::new("RST after the SYN")
            .quiet(&opening(), SynKept)
            .quiet(&at(0, []).flags(flags::RST), SynClosed)
            .up(&at(0, hello(517)))
            .tally(ConnectionsWithoutSyn, 1),
        Row::new("FIN that does not fit the SYN")
            .quiet(&opening(), SynKept)
            .quiet(&flagged(at(70_000_000, []), flags::FIN), NoPayload)
            .up_with(&opening(), &at(0, hello(517))),
    ]
}
