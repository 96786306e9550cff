//! What was worked out before: most clients send what others have sent.

use std::hash::BuildHasher;
use std::mem;

use foldhash::quality::RandomState;

/// Results by the bytes that they were worked out from, of a bounded number of inputs.
///
/// An input is kept when it comes a second time, so that clients that never send the same twice cost
/// neither a copy nor a place. It belongs to one set of a few places and can stand in any of them: each
/// time that it comes again it moves forward by one, and a new one takes the last. So what comes often
/// stays, however many others come. Inputs are compared whole: none ever gets another's result. The
/// hash is keyed at random, which leaves a client no way to aim at a set.
#[derive(Debug)]
pub(super) struct Memo<V> {
    /// Set by set; made with the first input.
    places: Vec<Place<V>>,
    /// Hashes of inputs that came once of late, each in its place; made with the first input. One that
    /// is taken for another does no harm: it is kept a little early.
    once: Vec<u64>,
    /// The result for an input that is not kept.
    passing: V,
    hasher: RandomState,
}

#[derive(Debug, Clone, Default)]
struct Place<V> {
    hash: u64,
    /// What the value was worked out from; empty when there is none.
    input: Vec<u8>,
    value: V,
}

/// Inputs that are kept: more than there are kinds of client among a server's visitors. A byte of the
/// hash tells the set.
const SETS: usize = 64;
const PLACES: usize = 4;

/// Inputs of which it is known that they came once: a kind of client of which there is one among as
/// many new inputs has a good chance to be kept when it comes again.
const ONCE: usize = 256;

/// Longest input that is kept, bytes: twice the longest of a browser's. It bounds the memory.
const LONGEST: usize = 512;

impl<V: Default + Clone> Memo<V> {
    /// The result for `input`; `work_out` writes it over another one's when it is not known.
    pub(super) fn get(&mut self, input: &[u8], work_out: impl FnOnce(&mut V)) -> &V {
        // An empty input has no place: that is how a place shows that it is free.
        if input.is_empty() || input.len() > LONGEST {
            work_out(&mut self.passing);
            return &self.passing;
        }
        let Self { places, once, passing, hasher } = self;
        if places.is_empty() {
            places.resize(SETS * PLACES, Place::default());
            once.resize(ONCE, 0);
        }
        let hash = hasher.hash_one(input);
        let [set, place, ..] = hash.to_le_bytes().map(usize::from);
        let (sets, _) = places.as_chunks_mut::<PLACES>();
        let (Some(set), Some(once)) = (sets.get_mut(set % SETS), once.get_mut(place % ONCE)) else {
            return passing;
        };
        let found = set.iter().position(|place| place.hash == hash && place.input == input);
        if found.is_none() && mem::replace(once, hash) != hash {
            work_out(passing);
            return passing;
        }
        let at = found.unwrap_or(PLACES - 1);
        let forward = at.saturating_sub(1);
        set.swap(at, forward);
        let Some(place) = set.get_mut(forward) else { return passing };
        if found.is_none() {
            place.hash = hash;
            place.input.clear();
            place.input.extend_from_slice(input);
            work_out(&mut place.value);
        }
        &place.value
    }
}

impl<V: Default> Default for Memo<V> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            once: Vec::new(),
            passing: V::default(),
            hasher: RandomState::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_mistaken_for_another() {
        let mut memo = Memo::default();
        let mut worked_out = 0_usize;
        let lengths = (0..=LONGEST + 1).map(|len| vec![b'x'; len]);
        let numbers = (0..4 * SETS * PLACES).map(|number| number.to_le_bytes().to_vec());
        let inputs: Vec<Vec<u8>> = lengths.chain(numbers).collect();
        for input in inputs.iter().chain(&inputs).flat_map(|input| [input; 3]) {
            let twice = memo.get(input, |value: &mut Vec<u8>| {
                worked_out += 1;
                value.clear();
                value.extend(input.iter().chain(input));
            });
            assert_eq!(*twice, input.repeat(2));
        }
        assert!(worked_out > inputs.len());
        assert!(memo.places.iter().all(|place| place.input.len() <= LONGEST));
    }

    #[test]
    fn what_comes_again_is_known() {
        let mut memo = Memo::default();
        for _ in 0..2 {
            memo.get(b"the same", |value: &mut u32| *value = 1);
        }
        assert_eq!(*memo.get(b"the same", |_| unreachable!()), 1);
    }

    #[test]
    fn what_comes_once_takes_no_place() {
        let mut memo = Memo::default();
        let often = b"often".as_slice();
        for _ in 0..3 {
            memo.get(often, |value: &mut u32| *value = 1);
        }
        for number in 0..100_000_u32 {
            memo.get(&number.to_le_bytes(), |value| *value = number);
        }
        assert_eq!(*memo.get(often, |_| unreachable!()), 1);
        assert_eq!(memo.places.iter().filter(|place| !place.input.is_empty()).count(), 1);
    }
}
