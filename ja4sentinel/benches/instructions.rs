//! The hot path once over a small corpus, for callgrind to count its instructions:
//! `cargo xtask bench --instructions` runs it with the corpus's name.
#![expect(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot run shall stop")]
#![expect(clippy::print_stdout, reason = "a command-line program")]
#![expect(dead_code, reason = "each benchmark uses a part of what they share")]

mod support;

use std::hint::black_box;

use ja4sentinel_corpus::sample::{Packet, packets};
use ja4sentinel_corpus::{Kind, SEED, Size};
use support::{Reader, frame};

/// Connections that the sensor follows at once, as by default.
const FLOWS: usize = 100_000;

/// Prints the packets that were read and the records that came of them.
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.unwrap_or_else(|| panic!("`{name}` is no corpus"));
    let mut capture = Vec::new();
    kind.write(Size::Small, SEED, &mut capture, &mut std::io::sink()).expect("memory takes it");
    let packets: Vec<_> = packets(&capture).collect();
    let records = counted_by_callgrind(&packets);
    println!("{} {records}", packets.len());
}

/// The function whose instructions count, with all that it calls. xtask knows its name.
#[inline(never)]
fn counted_by_callgrind(packets: &[Packet<'_>]) -> u64 {
    let mut reader = Reader::new(FLOWS);
    for packet in black_box(packets) {
        reader.read(&frame(packet.bytes, packet.timestamp_ns));
    }
    reader.records
}
