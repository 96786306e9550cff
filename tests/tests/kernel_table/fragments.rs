//! Fragments, in each order and of each kind.

use std::net::SocketAddr;

use ja4sentinel_common::Counter::{self, *};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet};

use crate::bench::{
    ANSWER, Event, PORT, Row, application_data, client4, client6, data, hello, server, syn,
};

pub(crate) fn all() -> Vec<Row> {
    [client4(), client6()].into_iter().flat_map(of_family).chain(of_v6()).collect()
}

fn up(row: Row, frame: &[u8]) -> Row {
    row.frame(frame.to_vec(), HandedUp, vec![Event::whole(frame.to_vec())])
}

fn up_with(row: Row, syn: &Packet, frame: &[u8]) -> Row {
    let events = vec![Event::whole(syn.frame()), Event::whole(frame.to_vec())];
    row.frame(frame.to_vec(), HandedUp, events)
}

fn out(row: Row, frame: &[u8], verdict: Counter) -> Row {
    row.frame(frame.to_vec(), verdict, vec![])
}

fn of_family(client: SocketAddr) -> Vec<Row> {
    let opening = syn(client, 100);
    let whole = data(client, 101, hello(900));
    let [a, b, c] = &whole.fragments(&[400, 800])[..] else { panic!("three fragments") };
    let [tiny, rest] = &whole.fragments(&[8])[..] else { panic!("two fragments") };
    let other = Packet::data(client, server(client, PORT + 1), 101, hello(900));
    let [oa, ob, oc] = &other.fragments(&[400, 800])[..] else { panic!("three fragments") };
    let [sa, sb] = &opening.fragments(&[16])[..] else { panic!("two fragments") };
    let bulk = data(client, 618, [0x33; 900]).acknowledging(ANSWER + 1000);
    let [ba, bb] = &bulk.fragments(&[400])[..] else { panic!("two fragments") };
    let tagged = whole.clone().tag(CUSTOMER_TAG, 7).fragments(&[8, 400]);

    let row = |name| Row::new(name).quiet(&opening, SynKept);
    let settled = Row::new("bulk data in fragments, after the hello")
        .quiet(&opening, SynKept)
        .up_with(&opening, &data(client, 101, hello(517)))
        .quiet(&data(client, 618, application_data(9)).acknowledging(ANSWER + 1000), Settled);
    let reused = up(
        up(out(out(Row::new("identification used again"), oa, OtherPort), ob, FragmentUnwanted), a),
        b,
    );
    vec![
        up(up(up_with(row("fragments in order"), &opening, a), b), c).tally(Fragments, 3),
        up_with(up(up(row("fragments backwards"), c), b), &opening, a),
        up(up_with(row("first fragment of eight bytes"), &opening, tiny), rest),
        up_with(up(row("first fragment of eight bytes last"), rest), &opening, tiny),
        up(up(up(Row::new("fragments without SYN"), b), a), c),
        up(up(Row::new("a SYN in fragments"), sa), sb),
        out(
            out(out(Row::new("other port"), oa, OtherPort), ob, FragmentUnwanted),
            oc,
            FragmentUnwanted,
        ),
        out(out(up(Row::new("other port, second first"), ob), oa, OtherPort), oc, FragmentUnwanted),
        reused,
        out(out(settled, ba, Settled), bb, FragmentUnwanted),
        tagged
            .iter()
            .fold(Row::new("fragments in a VLAN"), |row, frame| up(row, frame))
            .ethernet_only(),
    ]
}

fn of_v6() -> Vec<Row> {
    let udp: Vec<Vec<u8>> = data(client6(), 1, [7; 300])
        .fragments(&[104])
        .into_iter()
        .map(|mut frame| {
            frame[54] = 17;
            frame
        })
        .collect();
    // A destination header behind the fragment header: it belongs to the first fragment.
    let mut with_options = data(client6(), 1, hello(300)).fragments(&[104]);
    with_options[0][54] = 60;
    let behind_options = data(client6(), 101, hello(500)).extension(0, [1, 4, 0, 0, 0, 0]);
    let behind = behind_options.fragments(&[200]);
    vec![
        out(out(Row::new("UDP in fragments"), &udp[0], NotTcp), &udp[1], FragmentUnwanted),
        up(
            up(Row::new("options between fragment header and TCP"), &with_options[0]),
            &with_options[1],
        ),
        up(up(Row::new("options before the fragment header"), &behind[1]), &behind[0]),
    ]
}
