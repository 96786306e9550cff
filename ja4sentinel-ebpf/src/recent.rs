//! Connections that this CPU found settled lately: most packets of a busy server are of such. To find one
//! here takes a fraction of the time that `FLOWS` takes, with its long keys and its many entries.
//!
//! An entry is what a look-up in `FLOWS` came to, and nothing older: whatever may let something be wanted
//! between two ends (a SYN, an entry that `FLOWS` gets, or gives up at FIN or RST) raises their generation
//! once it is done, and an entry counts only with the generation that stood before its look-up. So none
//! outlives a SYN, on whatever CPU that came. A SYN itself is never judged by an entry, nor is FIN or
//! RST, since these change `FLOWS`.
//!
//! What may go wrong costs time, or leaves as settled what was settled:
//!
//! - Several ends share a generation, and a place. An entry is compared whole, so a shared place costs the
//!   look-up that there would be anyway, even where somebody aims at it.
//! - `FLOWS` forgets what was not looked up for longest, and entries here spare look-ups. But each
//!   connection that `FLOWS` gets raises a generation, of which there are far fewer than places in
//!   `FLOWS`: a busy connection is looked up many times before its turn to be forgotten has come. One that
//!   is forgotten nevertheless is over all the same. Another one between its ends whose SYN we miss is
//!   not taken up, then, as it would not be had `FLOWS` kept the first.
//! - A generation has 64 bits and does not come again.

use aya_ebpf::maps::PerCpuArray;
use ja4sentinel_common::Tuple;

use crate::instruction::{after, element, raise};
use crate::maps::GENERATIONS;

/// Places of each CPU, and generations. A few hundred connections at a time have mostly a place of their own;
/// 12 KB (24 for IPv6) fit a processor's second-level cache with ease, and a per-CPU value of the kernel is at
/// most 32.
pub(crate) const PLACES: usize = 1 << BITS;
const BITS: u32 = 9;

/// A connection that was settled: both addresses and the ports, in so many words as these take.
#[repr(C)]
pub(crate) struct Recent<const WORDS: usize> {
    generation: u64,
    ends: [u32; WORDS],
}

/// A connection's place, and the generation of its ends.
pub(crate) struct Place<const WORDS: usize> {
    entry: *mut Recent<WORDS>,
    generation: u64,
}

impl<const WORDS: usize> Place<WORDS> {
    /// `None` never happens: the array has its one entry. But the verifier does not know.
    #[inline(always)]
    pub(crate) fn of(
        ends: [u32; WORDS],
        recent: &PerCpuArray<[Recent<WORDS>; PLACES]>,
    ) -> Option<Self> {
        let number = number(ends);
        let first: *mut Recent<WORDS> = recent.get_ptr_mut(0)?.cast();
        let entry = element!(first, number, Recent<WORDS>, PLACES);
        // SAFETY: an aligned word, which lives as long as the program.
        Some(Self { entry, generation: unsafe { generation(number).read_volatile() } })
    }

    /// Whether the connection was found settled, and nothing has happened between its ends since.
    #[inline(always)]
    pub(crate) fn is_settled(&self, ends: [u32; WORDS]) -> bool {
        // SAFETY: an entry of a per-CPU array; see `Packet::scratch`.
        let entry = unsafe { &*self.entry };
        // One branch in all: of each the verifier would go both ways.
        let mut differs = 0;
        for at in 0..WORDS {
            differs |= entry.ends[at] ^ ends[at];
        }
        u64::from(differs) | (entry.generation ^ self.generation) == 0
    }

    /// These ends, to be looked up once the generation was read. Some processors read ahead, but never
    /// what depends on something that is yet to be read.
    #[inline(always)]
    pub(crate) fn hold_back(&self, tuple: &mut Tuple) {
        tuple.ports = after!(tuple.ports, self.generation);
    }

    /// The connection was found settled.
    #[inline(always)]
    pub(crate) fn keep(&self, ends: [u32; WORDS]) {
        // SAFETY: as above.
        unsafe { *self.entry = Recent { generation: self.generation, ends } };
    }
}

/// Makes every CPU look between these ends anew. To be called when what it shall find there is in its
/// table: the tables' locks see to it that this comes first on every processor.
#[inline(always)]
pub(crate) fn forget(tuple: &Tuple) {
    let [a, b, c, d] = tuple.source;
    let [e, f, g, h] = tuple.destination;
    raise!(generation(number([a, b, c, d, e, f, g, h, tuple.ports])));
}

/// Where that generation stands.
#[inline(always)]
fn generation(number: u32) -> *const u64 {
    element!((&raw const GENERATIONS).cast::<u64>(), number, u64, PLACES)
}

/// The number of a connection's place: the same for its addresses and for these as of IPv6, where the words
/// that are [`Tuple::MAPPED`] come twice.
#[inline(always)]
fn number<const WORDS: usize>(ends: [u32; WORDS]) -> u32 {
    /// 2^64 divided by the golden ratio: the product's upper bits depend on all bits of the other factor.
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let ports = ends[WORDS - 1];
    let addresses = ends.iter().fold(ports, |all, word| all ^ word);
    let ends = u64::from(ports) << 32 | u64::from(addresses);
    (ends.wrapping_mul(MIX) >> (64 - BITS)) as u32
}
