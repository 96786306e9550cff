//! Whether a hello costs the same among a thousand open connections and among a million:
//! `cargo bench -p ja4sentinel --no-default-features --bench scale [-- OPEN…]`.
//!
//! So many connections are open at any moment, each with half of its hello. At each step one comes,
//! and the oldest sends the rest of its hello and goes.
#![expect(clippy::expect_used, reason = "a benchmark that cannot run shall stop")]
#![expect(clippy::print_stdout, reason = "a command-line program")]
#![expect(dead_code, reason = "each benchmark uses a part of what they share")]

mod support;

use std::fs;

use ja4sentinel_corpus::sample;
use support::{Client, Reader, frame};

/// Connections that are open at once.
const OPEN: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Steps that are timed together, and how many such rounds there are.
const STEPS: u32 = 100_000;
const ROUNDS: u32 = 7;

/// Bytes of the hello, in its record, and of its first half.
const HELLO: usize = 600;
const HALF: usize = 300;

/// Prints a line of JSON for each number of connections: nanoseconds of a CPU a hello, round by round.
fn main() {
    // cargo adds `--bench`.
    let asked: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let hello = sample::hello(HELLO).expect("there are hellos of this size");
    for open in if asked.is_empty() { OPEN.to_vec() } else { asked } {
        let rounds = measure(&hello, open);
        println!("{{\"open\":{open},\"ns_per_hello\":{rounds:?}}}");
    }
}

fn measure(hello: &[u8], open: u32) -> Vec<u64> {
    // The table never overflows, and what has gone leaves first.
    let mut reader = Reader::new(open as usize + STEPS as usize);
    let (mut coming, mut going) = (Client::new(hello, HALF), Client::new(hello, HALF));
    let mut first = 0;
    while first < open {
        begin(&mut reader, &mut coming, first);
        first += 1;
    }
    let mut round = |reader: &mut Reader| {
        let begun = cpu_ns();
        for number in first..first + STEPS {
            begin(reader, &mut coming, number);
            end(reader, &mut going, number - open);
        }
        first += STEPS;
        (cpu_ns() - begun) / u64::from(STEPS)
    };
    // The first round fills the table with connections that have gone.
    round(&mut reader);
    let rounds = (0..ROUNDS).map(|_| round(&mut reader)).collect();
    assert_eq!(reader.records, u64::from(STEPS * (ROUNDS + 1)), "each hello gives a record");
    assert!(reader.tracked() >= open as usize, "as many are open as shall be");
    rounds
}

fn begin(reader: &mut Reader, client: &mut Client, number: u32) {
    client.be(number);
    reader.read(&frame(client.syn(), 1));
    if let Some(half) = client.hello().first() {
        reader.read(&frame(half, 1));
    }
}

fn end(reader: &mut Reader, client: &mut Client, number: u32) {
    client.be(number);
    client.hello().iter().skip(1).for_each(|bytes| reader.read(&frame(bytes, 1)));
    reader.read(&frame(client.fin(), 1));
}

/// How long this thread has been on a CPU, nanoseconds; the kernel counts in ticks of some
/// milliseconds, of which a round has hundreds.
fn cpu_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let first = text.split_whitespace().next().and_then(|word| word.parse().ok());
    first.expect("a number of nanoseconds")
}
