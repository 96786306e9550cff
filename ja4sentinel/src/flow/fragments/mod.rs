//! Reassembly of IP fragments: RFC 791 section 3.2, RFC 8200 section 4.5.

mod datagram;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::wire::Fragment;
use datagram::Partial;
pub use datagram::Reassembled;

/// What half-seen datagrams may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Datagrams at once.
    pub datagrams: usize,
    /// Bytes in total, with an estimate of what keeping them costs.
    pub bytes: usize,
    /// Fragments of one datagram that bring something new.
    pub fragments: usize,
    /// Time from a datagram's first fragment to its end, nanoseconds.
    pub timeout_ns: u64,
}

impl Default for FragmentLimits {
    fn default() -> Self {
        Self {
            datagrams: Self::DATAGRAMS,
            bytes: Self::BYTES,
            fragments: Self::FRAGMENTS,
            timeout_ns: Self::TIMEOUT_NS,
        }
    }
}

impl FragmentLimits {
    /// What [`Self::BYTES`] hold of hellos of 2 KiB, the size from which fragments are ordinary.
    pub const DATAGRAMS: usize = 2048;
    /// The limit that Linux sets itself (`ipfrag_high_thresh`).
    pub const BYTES: usize = 4 << 20;
    /// A datagram of 64 KiB in pieces of 64 bytes, or a hello of 8 KiB in the smallest pieces that
    /// there are. Honest fragments are of hundreds of bytes.
    pub const FRAGMENTS: usize = 1024;
    /// What Linux waits for IPv4 (`ipfrag_time`), between the 15 s of RFC 791 and the 60 s of RFC
    /// 8200.
    pub const TIMEOUT_NS: u64 = 30_000_000_000;
}

/// Why a fragment was not taken: one variant a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FragmentLoss {
    /// The capture cut the fragment.
    Cut,
    /// The fragment holds nothing.
    Empty,
    /// The fragment is not the last, and not a multiple of 8 bytes long (IPv6; of IPv4 the odd
    /// bytes alone are left out, as Linux does).
    Misaligned,
    /// The fragment ends beyond the largest datagram.
    TooLong,
    /// The datagram has more pieces than [`FragmentLimits::fragments`], or alone costs more than
    /// [`FragmentLimits::bytes`]; it is given up.
    TooManyFragments,
    /// The fragments contradict each other about where the datagram ends; it is given up.
    LengthConflict,
    /// A fragment overlaps another in part; the datagram is given up (RFC 5722; Linux does the same
    /// with IPv4 since 4.20).
    Overlap,
}

impl FragmentLoss {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Cut,
        Self::Empty,
        Self::Misaligned,
        Self::TooLong,
        Self::TooManyFragments,
        Self::LengthConflict,
        Self::Overlap,
    ];

    /// The cause's name in counters and messages.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Cut => "fragment_cut",
            Self::Empty => "fragment_empty",
            Self::Misaligned => "fragment_misaligned",
            Self::TooLong => "fragment_too_long",
            Self::TooManyFragments => "fragment_too_many",
            Self::LengthConflict => "fragment_length_conflict",
            Self::Overlap => "fragment_overlap",
        }
    }

    /// Whether the fragments seen before are given up too, rather than this fragment alone.
    #[must_use]
    pub fn ends_datagram(self) -> bool {
        matches!(self, Self::TooManyFragments | Self::LengthConflict | Self::Overlap)
    }
}

/// What became of a fragment.
#[derive(Debug)]
pub enum Pushed {
    /// Kept, or known already: the datagram is not complete.
    Held,
    /// The last piece that was absent.
    Complete(Reassembled),
    /// Not taken.
    Dropped(FragmentLoss),
}

/// Fragments of one datagram share these. IPv6 leaves the protocol out, since only the first
/// fragment's counts (RFC 8200, section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    protocol: Option<u8>,
}

impl Key {
    fn of(fragment: &Fragment<'_>) -> Self {
        Self {
            source: fragment.source,
            destination: fragment.destination,
            id: fragment.id,
            protocol: fragment.source.is_ipv4().then_some(fragment.protocol),
        }
    }
}

/// A bounded table of half-seen datagrams.
///
/// Fragments may come in any order and more than once. One that overlaps in part ends its datagram,
/// as RFC 5722 wants for IPv6 and Linux does for both; one that lies wholly within what is there
/// adds nothing, as for Linux: the bytes that came first stay. What is given up leaves no trace:
/// fragments that follow begin a new datagram, as for Linux, so a sender cannot make us blind to
/// what the server still reads.
///
/// When a limit is met, the oldest datagrams leave: under a flood those that complete do so long
/// before their turn comes.
#[derive(Debug, Default)]
pub struct Defragmenter {
    limits: FragmentLimits,
    partial: HashMap<Key, Partial>,
    /// Keys by the order in which their datagrams began.
    order: BTreeMap<u64, Key>,
    began: u64,
    bytes: usize,
    evicted: u64,
    timed_out: u64,
    /// Before this, nothing that is there times out.
    next_end_ns: u64,
}

impl Defragmenter {
    /// An empty table.
    #[must_use]
    pub fn new(limits: FragmentLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes a fragment that came at `now_ns`.
    pub fn push(&mut self, fragment: &Fragment<'_>, now_ns: u64) -> Pushed {
        let piece = match datagram::check(fragment) {
            Ok(piece) => piece,
            Err(cause) => return Pushed::Dropped(cause),
        };
        self.sweep(now_ns);
        let key = Key::of(fragment);
        // Taken out and put back, so that making room cannot touch it.
        let mut partial = self.remove(&key).unwrap_or_else(|| {
            self.began += 1;
            Partial::new(self.began, now_ns)
        });
        match partial.take(fragment, piece, self.limits.fragments) {
            Ok(Some(whole)) => Pushed::Complete(whole),
            Ok(None) if partial.cost() > self.limits.bytes => {
                Pushed::Dropped(FragmentLoss::TooManyFragments)
            }
            Ok(None) => {
                self.make_room(partial.cost());
                self.bytes += partial.cost();
                self.order.insert(partial.serial(), key);
                self.partial.insert(key, partial);
                Pushed::Held
            }
            Err(cause) => Pushed::Dropped(cause),
        }
    }

    /// Gives up the datagrams whose time is over; returns how many these were.
    #[inline]
    pub fn expire(&mut self, now_ns: u64) -> u64 {
        let before = self.timed_out;
        self.sweep(now_ns);
        self.timed_out - before
    }

    /// How many datagrams began, ever. Each completes, is given up for a cause that
    /// [ends it](FragmentLoss::ends_datagram), times out, is evicted, or is half-seen still.
    #[must_use]
    pub fn began(&self) -> u64 {
        self.began
    }

    /// How many datagrams timed out, ever.
    #[must_use]
    pub fn timed_out(&self) -> u64 {
        self.timed_out
    }

    /// How many datagrams left before their time to make room, ever.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Half-seen datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partial.len()
    }

    /// Whether there is no half-seen datagram.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// What they cost, in bytes; at most [`FragmentLimits::bytes`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    // Called with each frame.
    #[inline]
    fn sweep(&mut self, now_ns: u64) {
        if now_ns >= self.next_end_ns {
            self.end_overdue(now_ns);
        }
    }

    #[cold]
    fn end_overdue(&mut self, now_ns: u64) {
        // What is yet to begin has all of its time before it.
        self.next_end_ns = now_ns.saturating_add(self.limits.timeout_ns);
        while let Some(key) = self.oldest() {
            let age = self.partial.get(&key).map(|partial| partial.age_ns(now_ns));
            let left = age.and_then(|age| self.limits.timeout_ns.checked_sub(age));
            if let Some(left) = left.filter(|left| *left > 0) {
                self.next_end_ns = now_ns.saturating_add(left);
                return;
            }
            self.remove(&key);
            self.timed_out += 1;
        }
    }

    fn make_room(&mut self, cost: usize) {
        while self.partial.len() >= self.limits.datagrams
            || self.bytes.saturating_add(cost) > self.limits.bytes
        {
            let Some(key) = self.oldest() else { return };
            self.remove(&key);
            self.evicted += 1;
        }
    }

    fn oldest(&self) -> Option<Key> {
        self.order.first_key_value().map(|(_, key)| *key)
    }

    fn remove(&mut self, key: &Key) -> Option<Partial> {
        let partial = self.partial.remove(key)?;
        self.order.remove(&partial.serial());
        self.bytes = self.bytes.saturating_sub(partial.cost());
        Some(partial)
    }
}
