//! Types that the agent and its eBPF program agree on: `repr(C)`, fixed size, no hidden bytes.
#![no_std]

mod config;
mod counter;
mod record;
mod tuple;

pub use config::Config;
pub use counter::{Counter, Counters, Kind};
pub use record::{HEADER_ROOM, Head, KeptSyn, SLICE, SYN_ROOM};
pub use tuple::Tuple;

/// The kernel's watched ports: this many words of 64 bits, port 0 in the lowest bit of the first.
pub const PORT_WORDS: u32 = 1024;
