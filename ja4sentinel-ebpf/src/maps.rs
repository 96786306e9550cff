//! The tables that the program shares with the agent, or keeps for itself. The agent sets the sizes of
//! those that forget, and of the ring, before it loads the program; here they are the smallest that make
//! sense.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, LruHashMap, PerCpuArray, RingBuf};
use ja4sentinel_common::{Config, Counters, HEADER_ROOM, Head, KeptSyn, PORT_WORDS, SLICE, Tuple};

use crate::event::Order;
use crate::instruction::element;
use crate::recent::{PLACES, Recent};
use crate::state::Flow;
use crate::view::View;

/// Watched ports, one bit each. Written by the agent at any time.
///
/// A section of its own is a map with one value, whose address stands in the program: what each packet
/// needs is there without a look-up.
#[unsafe(link_section = ".data.ports")]
static mut PORTS: [u64; PORT_WORDS as usize] = [0; PORT_WORDS as usize];

/// By place, how often something happened that may make an entry of the next two untrue. Likewise.
#[unsafe(link_section = ".data.generations")]
pub(crate) static mut GENERATIONS: [u64; PLACES] = [0; PLACES];

/// Connections over IPv4 that this CPU found settled lately, each at its place.
#[map]
pub(crate) static RECENT_V4: PerCpuArray<[Recent<3>; PLACES]> = PerCpuArray::with_max_entries(1, 0);

/// The same over IPv6.
#[map]
pub(crate) static RECENT_V6: PerCpuArray<[Recent<9>; PLACES]> = PerCpuArray::with_max_entries(1, 0);

/// Written by the agent at any time.
#[map]
static CONFIG: Array<Config> = Array::with_max_entries(1, 0);

/// Connections that the agent wants nothing more of: the time of its word, `CLOCK_BOOTTIME`.
/// Written by the agent alone, as `FLOWS` is by the program alone; so neither can undo what the
/// other just did.
#[map]
pub(crate) static SETTLED: LruHashMap<Tuple, u64> = LruHashMap::with_max_entries(1024, 0);

/// SYNs that wait for their connection's first payload. Apart from `FLOWS`, so that a flood of
/// SYNs pushes out nothing but SYNs.
#[map]
pub(crate) static SYNS: LruHashMap<Tuple, KeptSyn> = LruHashMap::with_max_entries(1024, 0);

/// Connections whose payload has begun.
#[map]
pub(crate) static FLOWS: LruHashMap<Tuple, Flow> = LruHashMap::with_max_entries(1024, 0);

/// Datagrams whose first fragment is not wanted, and when it was seen, `CLOCK_BOOTTIME`.
#[map]
pub(crate) static FRAGMENTS: LruHashMap<DatagramId, u64> = LruHashMap::with_max_entries(1024, 0);

/// This CPU's counters.
#[map]
pub(crate) static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// Where this CPU works.
#[map]
pub(crate) static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// How many fragments this CPU handed up lately.
#[map]
pub(crate) static PACE: PerCpuArray<Pace> = PerCpuArray::with_max_entries(1, 0);

/// To the agent: see [`ja4sentinel_common::Head`].
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(4096, 0);

/// Which datagram a TCP fragment belongs to (RFC 791 section 3.2, RFC 8200 section 4.5).
#[repr(C)]
pub(crate) struct DatagramId {
    pub(crate) source: [u32; 4],
    pub(crate) destination: [u32; 4],
    pub(crate) id: u32,
}

/// What this CPU is at. The last three are a ring record: with the kept SYN, or from `head` on.
#[repr(C)]
pub(crate) struct Scratch {
    pub(crate) view: View,
    pub(crate) order: Order,
    pub(crate) syn: KeptSyn,
    pub(crate) head: Head,
    pub(crate) frame: [u8; HEADER_ROOM + SLICE],
}

/// A count that starts again each second.
#[repr(C)]
pub(crate) struct Pace {
    pub(crate) second: u64,
    pub(crate) count: u64,
}

/// Whether the destination port is watched; `ports` as in [`Tuple`].
#[inline(always)]
pub(crate) fn watched(ports: u32) -> bool {
    let [_, _, high, low] = ports.to_ne_bytes();
    let port = u32::from(u16::from_be_bytes([high, low]));
    let word = element!((&raw const PORTS).cast::<u64>(), port >> 6, u64, PORT_WORDS);
    // SAFETY: one of the words; it is read at once.
    let word = unsafe { word.read_volatile() };
    word >> (port & 63) & 1 == 1
}

/// What the agent last said, or the defaults where the verifier wants an answer.
#[inline(always)]
pub(crate) fn config() -> Config {
    match CONFIG.get(0) {
        Some(config) => *config,
        None => Config {
            stream_budget: Config::STREAM_BUDGET,
            fragment_budget: Config::FRAGMENT_BUDGET,
            tunnel_depth: 0,
            messages: 0,
        },
    }
}
