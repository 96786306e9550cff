//! One datagram and the pieces of it that have come.

use std::collections::BTreeMap;
use std::ops::Range;

use super::FragmentLoss;
use crate::wire::Fragment;

/// The largest payload of a datagram: 16-bit lengths in IPv4 and in IPv6 without jumbograms, which
/// cannot be fragmented (RFC 2675, section 3).
const MAX_PAYLOAD: usize = 65_535;

/// What keeping a piece costs beside its bytes: an allocation, and its place in the tree.
const PIECE_COST: usize = 64;

/// What keeping a datagram costs beside its pieces.
const DATAGRAM_COST: usize = 512;

/// A datagram put together from fragments.
#[derive(Debug)]
pub struct Reassembled {
    /// The first fragment's description, without its bytes.
    first: Fragment<'static>,
    payload: Vec<u8>,
    /// How many fragments brought something new.
    pub fragments: usize,
    /// Whether a repeated fragment did not have the same bytes; those that came first stayed.
    pub conflict: bool,
}

impl Reassembled {
    /// The whole datagram, in the form that [`crate::wire::decode_datagram`] reads: the facts of
    /// the first fragment, offset 0, no more fragments, the time of the fragment that came last.
    #[must_use]
    pub fn fragment(&self) -> Fragment<'_> {
        Fragment { payload: &self.payload, ..self.first }
    }
}

/// The part of the datagram's payload that a fragment fills, if it can be one.
pub(super) fn check(fragment: &Fragment<'_>) -> Result<Range<usize>, FragmentLoss> {
    if fragment.missing > 0 {
        return Err(FragmentLoss::Cut);
    }
    let mut len = fragment.payload.len();
    if fragment.more && !len.is_multiple_of(8) {
        if fragment.source.is_ipv6() {
            return Err(FragmentLoss::Misaligned);
        }
        len -= len % 8;
    }
    if len == 0 {
        return Err(FragmentLoss::Empty);
    }
    let start = usize::try_from(fragment.offset).unwrap_or(usize::MAX);
    match start.checked_add(len) {
        Some(end) if end <= MAX_PAYLOAD => Ok(start..end),
        _ => Err(FragmentLoss::TooLong),
    }
}

/// A half-seen datagram.
#[derive(Debug)]
pub(super) struct Partial {
    serial: u64,
    began_ns: u64,
    /// Bytes by their offset; pieces do not overlap.
    pieces: BTreeMap<usize, Box<[u8]>>,
    /// Bytes in `pieces`.
    filled: usize,
    /// Where the last fragment says that the payload ends.
    end: Option<usize>,
    /// The first fragment's description, when it has come.
    first: Option<Fragment<'static>>,
    fragments: usize,
    conflict: bool,
    /// Whether nobody has checked any of it.
    unverified: bool,
}

impl Partial {
    pub(super) fn new(serial: u64, began_ns: u64) -> Self {
        Self {
            serial,
            began_ns,
            pieces: BTreeMap::new(),
            filled: 0,
            end: None,
            first: None,
            fragments: 0,
            conflict: false,
            unverified: true,
        }
    }

    /// The place in the order in which datagrams began.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn age_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.began_ns)
    }

    /// Memory that the datagram takes, an estimate in bytes.
    pub(super) fn cost(&self) -> usize {
        self.filled + self.pieces.len() * PIECE_COST + DATAGRAM_COST
    }

    /// Takes the bytes of a fragment that fill `piece`, unless they are there already; gives the
    /// datagram when nothing is absent any more. An error ends the datagram.
    pub(super) fn take(
        &mut self,
        fragment: &Fragment<'_>,
        piece: Range<usize>,
        max_fragments: usize,
    ) -> Result<Option<Reassembled>, FragmentLoss> {
        self.note_end(&piece, fragment.more)?;
        self.unverified &= fragment.unverified;
        let known = self.known(&piece, fragment.payload);
        if known == 0 {
            self.fragments += 1;
            if self.fragments > max_fragments {
                return Err(FragmentLoss::TooManyFragments);
            }
            let bytes = fragment.payload.get(..piece.len()).unwrap_or_default();
            self.filled += bytes.len();
            self.pieces.insert(piece.start, bytes.into());
        } else if known < piece.len() {
            return Err(FragmentLoss::Overlap);
        }
        if piece.start == 0 && self.first.is_none() {
            self.first = Some(describe(fragment));
        }
        let first = self.first.filter(|_| self.end == Some(self.filled));
        Ok(first.map(|first| self.reassemble(first, fragment.timestamp_ns)))
    }

    /// Every fragment must agree with the last one about where the payload ends.
    fn note_end(&mut self, piece: &Range<usize>, more: bool) -> Result<(), FragmentLoss> {
        let highest = self.pieces.last_key_value().map_or(0, |(at, bytes)| at + bytes.len());
        let fits = match self.end {
            Some(end) if more => piece.end <= end,
            Some(end) => piece.end == end,
            None => more || highest <= piece.end,
        };
        if !fits {
            return Err(FragmentLoss::LengthConflict);
        }
        if !more {
            self.end = Some(piece.end);
        }
        Ok(())
    }

    /// How many bytes of `piece` are there already; notes whether they differ from `payload`.
    fn known(&mut self, piece: &Range<usize>, payload: &[u8]) -> usize {
        let before = self.pieces.range(..piece.start).next_back();
        let within = self.pieces.range(piece.clone());
        let mut known = 0;
        for (&at, bytes) in before.into_iter().chain(within) {
            let shared = at.max(piece.start)..piece.end.min(at + bytes.len());
            if shared.is_empty() {
                continue;
            }
            known += shared.len();
            let ours = bytes.get(shared.start - at..shared.end - at);
            let theirs = payload.get(shared.start - piece.start..shared.end - piece.start);
            self.conflict |= ours != theirs;
        }
        known
    }

    fn reassemble(&self, mut first: Fragment<'static>, timestamp_ns: u64) -> Reassembled {
        let mut payload = Vec::with_capacity(self.filled);
        for bytes in self.pieces.values() {
            payload.extend_from_slice(bytes);
        }
        first.timestamp_ns = timestamp_ns;
        first.unverified = self.unverified;
        // `describe` left the length of the headers there.
        let own = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        first.ip.total_length = first.ip.total_length.saturating_add(own);
        Reassembled { first, payload, fragments: self.fragments, conflict: self.conflict }
    }
}

/// The description of the whole datagram by its first fragment, but for the bytes; the total
/// length is that of the headers alone.
fn describe(fragment: &Fragment<'_>) -> Fragment<'static> {
    let own = u32::try_from(fragment.payload.len()).unwrap_or(u32::MAX);
    let mut ip = fragment.ip;
    ip.total_length = ip.total_length.saturating_sub(own);
    Fragment { ip, offset: 0, more: false, payload: &[], missing: 0, ..*fragment }
}
