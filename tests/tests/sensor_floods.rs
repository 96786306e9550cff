//! Floods: a hello that is being received comes through, and memory stays bounded.

#![expect(clippy::indexing_slicing, reason = "a test ends where it goes wrong")]
mod sensor_support;

use ja4sentinel::sensor::{Limits, Settings};
use ja4sentinel_tests::frames::checksum;
use ja4sentinel_tests::hellos::Hello;
use sensor_support::{Client, Lab, MILLISECOND};

/// Offsets in a frame without VLAN tags and IPv4 options.
const SOURCE_ADDRESS: usize = 26;
const SOURCE_PORT: usize = 34;
const SEQUENCE: usize = 38;

/// The same frame from another client, for speed's sake.
fn readdress(frame: &mut [u8], number: u32) {
    let [a, b, c, d] = number.to_be_bytes();
    frame[SOURCE_ADDRESS..SOURCE_ADDRESS + 4].copy_from_slice(&[10, a, b, c]);
    frame[SOURCE_PORT..SOURCE_PORT + 2].copy_from_slice(&[0x80 | d >> 1, d]);
    frame[SEQUENCE..SEQUENCE + 4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    frame[24..26].fill(0);
    let sum = checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

fn hello() -> Vec<u8> {
    Hello::browser().padded_to(1800).record()
}

#[test]
fn a_receiving_hello_survives_a_million_syns() {
    let mut lab = Lab::new(Settings::default());
    let hello = hello();
    let (early, late) = (Client::new(50000, 7), Client::new(50001, 7));
    lab.feed(&early.syn());
    lab.feed(&early.data(0, &hello[..900]));
    lab.feed(&late.syn());
    let mut flood = Client::new(1, 1).syn().frame();
    let len = flood.len();
    for number in 0..1_000_000 {
        readdress(&mut flood, number);
        lab.feed_bytes(&flood, len);
        // A million a second.
        lab.now_ns -= MILLISECOND - 1000;
    }
    assert!(lab.sensor.tracked() <= Limits::FLOWS);
    lab.feed(&early.data(900, &hello[900..]));
    assert_eq!(lab.records.len(), 1);
    // One that had only opened was pushed out, and is taken up again by its hello.
    lab.feed(&late.data(0, &hello));
    assert_eq!(lab.records.len(), 2);
    assert!(lab.lost("evicted") >= 900_000);
    lab.finish();
}

#[test]
fn half_open_hellos_push_out_none_that_is_receiving() {
    let limits = Limits { flows: 1000, reassembly_bytes: 4 << 20, ..Limits::default() };
    let mut lab = Lab::new(Settings { limits, ..Settings::default() });
    let hello = hello();
    let client = Client::new(50000, 7);
    lab.feed(&client.syn());
    lab.feed(&client.data(0, &hello[..900]));
    let mut flood = Client::new(1, 1).data(0, &hello[..900]).frame();
    let len = flood.len();
    for number in 0..20_000 {
        readdress(&mut flood, number);
        lab.feed_bytes(&flood, len);
        lab.now_ns -= MILLISECOND - 10_000;
        let (held, _) = lab.sensor.reassembly_bytes();
        assert!(held <= limits.reassembly_bytes && lab.sensor.tracked() <= limits.flows);
        // Its client goes on slowly, but it goes on.
        if number % 2000 == 0 {
            let at = 900 + usize::try_from(number / 2000).unwrap_or_default() * 90;
            lab.feed(
                &client.data(
                    u32::try_from(at).unwrap_or_default(),
                    &hello[at..hello.len().min(at + 90)],
                ),
            );
        }
    }
    lab.feed(&client.data(1800, &hello[1800..]));
    assert_eq!(lab.records.len(), 1);
    assert!(lab.lost("table_full") > 0);
    lab.finish();
}

#[test]
fn closed_connections_leave_room_for_those_that_go_on() {
    const CLOSED: usize = 4096;
    let mut lab = Lab::new(Settings::default());
    let hello = Hello::browser().padded_to(600).record();
    let end = u32::try_from(hello.len()).unwrap_or_default();
    let stays = Client::new(50_000, 7);
    lab.feed(&stays.syn());
    lab.feed(&stays.data(0, &hello));
    let clients: Vec<_> = (1..=6000).map(|port| Client::new(port, 7)).collect();
    for client in &clients {
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &hello));
        lab.feed(&client.data(end, &[]).flags(0x11));
    }
    assert_eq!((lab.records.len(), lab.sensor.tracked()), (6001, CLOSED + 1));
    // Late copies of all that a client sent, the youngest and the oldest that is still known.
    for client in [clients.last(), clients.get(clients.len() - CLOSED)].into_iter().flatten() {
        lab.feed(&client.syn());
        lab.feed(&client.data(0, &hello));
        lab.feed(&client.data(end, &[]).flags(0x11));
    }
    // And a connection that was there before them all goes on.
    lab.feed(&stays.data(0, &hello));
    assert_eq!((lab.records.len(), lab.sensor.tracked()), (6001, CLOSED + 1));
    // One that closed before these is forgotten: a late copy counts as a connection without a SYN.
    lab.feed(&clients[0].data(0, &hello));
    assert_eq!(lab.records.len(), 6002);
    lab.finish();
}
