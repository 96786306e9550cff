//! Frames of those who mean no good: floods, junk, hellos that are cut, faked and broken. They bear
//! another MAC address than the server's, so nobody but the agent takes them.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use ja4sentinel_tests::faults::{Dice, Rates, inject};
use ja4sentinel_tests::frames::{CUSTOMER_TAG, Packet, flags};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::injection::Injector;
use ja4sentinel_tests::netns::{CLIENT_INTERFACE, SERVER_V4, SERVER_V6};

use super::phase::Step;
use super::stage::Stage;

/// Frames a second, floods left out.
const RATE: usize = 2000;
/// Between two batches of them.
const BATCH: Duration = Duration::from_millis(20);
/// SYNs of one flood.
const FLOOD: usize = 3000;
/// Batches between two floods: five seconds.
const BETWEEN_FLOODS: usize = 250;
/// What a bad path does to them.
const PATH: Rates = Rates { drop: 20, truncate: 5, duplicate: 30, reorder: 50 };
/// Most payload of a frame: the link's MTU, without the longest headers.
const MOST: usize = 1300;
/// Bytes of a hello that never ends, more than the agent looks at.
const ENDLESS: usize = 80_000;

/// Sends until the load ends. Gives how many frames.
pub(super) fn run(stage: &Stage) -> Result<u64> {
    stage.lab.client.inside(|| {
        let injector = Injector::open(CLIENT_INTERFACE)?;
        let mut dice = Dice(2026);
        let mut frames = VecDeque::new();
        let mut sent = 0;
        let in_a_batch = RATE / (1000 / usize::try_from(BATCH.as_millis())?);
        for batch in 0_usize.. {
            if !stage.phase.rest(Step::Load, BATCH) {
                break;
            }
            if batch.is_multiple_of(BETWEEN_FLOODS) {
                for _ in 0..FLOOD {
                    let (client, server) = ends(&mut dice);
                    frames.push_front(Packet::syn(client, server, number(&mut dice)).frame());
                }
            }
            while frames.len() < in_a_batch {
                let seed = dice.roll();
                frames
                    .extend(inject(connection(&mut dice), PATH, seed).into_iter().map(|f| f.bytes));
            }
            let now = if frames.len() > FLOOD { FLOOD } else { in_a_batch };
            for frame in frames.drain(..now) {
                // A frame that was cut within its Ethernet header is none.
                if frame.len() >= 14 {
                    injector.send(&frame).context("a hostile frame")?;
                    sent += 1;
                }
            }
        }
        Ok(sent)
    })?
}

fn number(dice: &mut Dice) -> u32 {
    u32::try_from(dice.roll() & u64::from(u32::MAX)).unwrap_or_default()
}

/// A client from the networks for benchmarks (RFC 2544, RFC 5180), and one of the server's addresses.
fn ends(dice: &mut Dice) -> (SocketAddr, SocketAddr) {
    let [a, b, c, d] = number(dice).to_be_bytes();
    let client = u16::from_be_bytes([a, b]).max(1);
    let server = if dice.hits(500) { 443 } else { 8443 };
    if dice.hits(800) {
        let source = Ipv4Addr::new(198, 18 | (a & 1), c, d);
        ((source, client).into(), (SERVER_V4, server).into())
    } else {
        let source = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, u16::from_be_bytes([c, d]), 1);
        ((source, client).into(), (SERVER_V6, server).into())
    }
}

/// The frames of one connection, of one kind or another.
fn connection(dice: &mut Dice) -> Vec<Vec<u8>> {
    let (client, server) = ends(dice);
    let first = number(dice);
    let syn = Packet::syn(client, server, first);
    let start = first.wrapping_add(1);
    let hello = Hello::browser().server_name("hostile.invalid").padded_to(600 + dice.below(3000));
    let bytes = hello.records(&[1 + dice.below(4000)]);
    let data = |at: usize, bytes: &[u8]| {
        let at = u32::try_from(at).unwrap_or_default();
        Packet::data(client, server, start.wrapping_add(at), bytes)
    };
    let mut frames = vec![syn.frame()];
    match dice.below(11) {
        // Cut anywhere, in any order, some of it twice.
        0 | 1 => {
            let mut cuts = cut(dice, &bytes, 200);
            for _ in 0..cuts.len() {
                let (a, b) = (dice.below(cuts.len()), dice.below(cuts.len()));
                cuts.swap(a, b);
            }
            frames.extend(cuts.iter().map(|(at, piece)| data(*at, piece).frame()));
        }
        // Overlapping pieces that contradict each other.
        2 => {
            for (at, piece) in cut(dice, &bytes, 400) {
                let other: Vec<u8> = piece.iter().map(|byte| byte ^ 0x55).collect();
                frames.push(data(at.saturating_sub(dice.below(40)), &other).frame());
                frames.push(data(at, &piece).frame());
            }
        }
        // Junk.
        3 => frames.push(data(0, &junk(dice, MOST)).frame()),
        // A hello that never ends, and one that stops.
        4 => {
            let mut endless = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3];
            endless.resize(if dice.hits(300) { ENDLESS } else { 700 }, 0x41);
            frames.extend(
                cut(dice, &endless, MOST).iter().map(|(at, piece)| data(*at, piece).frame()),
            );
        }
        // Fragments, of which some will be lost.
        5 => {
            let piece = bytes.get(..MOST.min(bytes.len())).unwrap_or_default();
            let mut packet = data(0, piece);
            packet.df = false;
            packet.id = number(dice);
            frames.extend(packet.fragments(&[8, 64, 160, 320]));
        }
        // Bits that fell over.
        6 => {
            let piece = bytes.get(..MOST.min(bytes.len())).unwrap_or_default();
            let mut frame = data(0, piece).frame();
            for _ in 0..4 {
                let at = 12 + dice.below(frame.len() - 12);
                if let Some(byte) = frame.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            frames.push(frame);
        }
        // No frame of anything.
        7 => {
            let mut frame = junk(dice, 200);
            let kind = one_of(dice, &[&[8, 0], &[0x86, 0xdd], &[0x81, 0], &[0x88, 0x47]]);
            frame.splice(0..0, [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], kind].concat());
            frames.push(frame);
        }
        // An end in the middle, by an abort or not.
        8 => {
            let (piece, _) = bytes.split_at(bytes.len() / 3);
            let piece = piece.get(..MOST.min(piece.len())).unwrap_or_default();
            frames.push(data(0, piece).frame());
            let flag = if dice.hits(500) { flags::FIN } else { flags::RST };
            frames.push(data(piece.len(), &[]).flags(flag | flags::ACK).frame());
        }
        // SYNs that contradict each other, one with data, and a VLAN.
        9 => {
            let mut open = Packet::syn(client, server, number(dice)).tag(CUSTOMER_TAG, 7);
            open.payload = bytes.get(..100).unwrap_or_default().to_vec();
            frames.push(open.frame());
            frames
                .extend(cut(dice, &bytes, MOST).iter().map(|(at, piece)| data(*at, piece).frame()));
        }
        // Something else in front.
        _ => {
            let fronts: [&[u8]; 4] = [
                b"EHLO mail.example\r\nSTARTTLS\r\n",
                b"PROXY TCP4 192.0.2.9 192.0.2.8 1 2\r\n",
                b"GET / HTTP/1.1\r\nHost: hostile.invalid\r\n\r\n",
                b"\x05\x01\x00",
            ];
            let whole = [one_of(dice, &fronts), &bytes].concat();
            frames
                .extend(cut(dice, &whole, MOST).iter().map(|(at, piece)| data(*at, piece).frame()));
        }
    }
    frames
}

/// Pieces of up to so many bytes, each with its place.
fn cut(dice: &mut Dice, mut bytes: &[u8], most: usize) -> Vec<(usize, Vec<u8>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at((1 + dice.below(most)).min(bytes.len()));
        pieces.push((at, piece.to_vec()));
        at += piece.len();
        bytes = rest;
    }
    pieces
}

fn one_of<'a>(dice: &mut Dice, choices: &[&'a [u8]]) -> &'a [u8] {
    choices.get(dice.below(choices.len())).copied().unwrap_or_default()
}

/// Up to so many bytes of anything.
fn junk(dice: &mut Dice, most: usize) -> Vec<u8> {
    (0..=dice.below(most)).map(|_| dice.roll().to_le_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_fits_the_link_and_pieces_make_the_whole() {
        let mut dice = Dice(1);
        for _ in 0..2000 {
            assert!(connection(&mut dice).iter().all(|frame| frame.len() <= 14 + 4 + 1500));
        }
        let whole = junk(&mut dice, 5000);
        let pieces = cut(&mut dice, &whole, 300);
        assert_eq!(pieces.iter().flat_map(|(_, piece)| piece.clone()).collect::<Vec<_>>(), whole);
    }
}
