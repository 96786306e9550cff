//! What was worked out before: most clients send what others have sent.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

/// Results by the bytes that they were worked out from, of a bounded number of inputs.
///
/// An input belongs to one set of a few places and can stand in any of them: each time that it comes
/// again it moves forward by one, and a new one takes the last. So what comes often stays, however
/// many others come once. Inputs are compared whole: none ever gets another's result. The hash is
/// keyed at random, which leaves a client no way to aim at a set.
#[derive(Debug)]
pub(super) struct Memo<V> {
    /// Set by set; made with the first input.
    places: Vec<Place<V>>,
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
        if self.places.is_empty() {
            self.places.resize(SETS * PLACES, Place::default());
        }
        let hash = self.hasher.hash_one(input);
        let [low, ..] = hash.to_le_bytes();
        let (sets, _) = self.places.as_chunks_mut::<PLACES>();
        let Some(set) = sets.get_mut(usize::from(low) % SETS) else { return &self.passing };
        let found = set.iter().position(|place| place.hash == hash && place.input == input);
        let at = found.unwrap_or(PLACES - 1);
        let forward = at.saturating_sub(1);
        set.swap(at, forward);
        let Some(place) = set.get_mut(forward) else { return &self.passing };
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
        Self { places: Vec::new(), passing: V::default(), hasher: RandomState::default() }
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
        for input in inputs.iter().chain(&inputs) {
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
        for _ in 0..3 {
            memo.get(b"the same", |count: &mut u32| *count += 1);
        }
        assert_eq!(*memo.get(b"the same", |_| unreachable!()), 1);
    }
}
