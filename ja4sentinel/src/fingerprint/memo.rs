//! What was worked out before: most clients send what others have sent.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;

/// Results by the bytes that they were worked out from, of a bounded number of inputs.
///
/// Each input has one place and takes it from whatever is there, so that the cost is constant. Inputs
/// are compared whole: one that shares its place with another costs time, and never gets the
/// other's result. The hash is keyed at random, which leaves a client no way to aim at a place.
#[derive(Debug)]
pub(super) struct Memo<V> {
    /// Made with the first input.
    slots: Vec<Slot<V>>,
    /// The result for an input that is not kept.
    passing: V,
    hasher: RandomState,
}

#[derive(Debug, Clone, Default)]
struct Slot<V> {
    /// What the value was worked out from; empty when there is none.
    input: Vec<u8>,
    value: V,
}

/// Inputs that are kept. Far more than there are kinds of client among a server's visitors; those
/// that shuffle their extensions leave most of the places to the others.
const SLOTS: usize = 512;

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
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Slot::default());
        }
        let place = self.hasher.hash_one(input) as usize % SLOTS;
        let Some(slot) = self.slots.get_mut(place) else { return &self.passing };
        if slot.input != input {
            slot.input.clear();
            slot.input.extend_from_slice(input);
            work_out(&mut slot.value);
        }
        &slot.value
    }
}

impl<V: Default> Default for Memo<V> {
    fn default() -> Self {
        Self { slots: Vec::new(), passing: V::default(), hasher: RandomState::default() }
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
        let numbers = (0..4 * SLOTS).map(|number| number.to_le_bytes().to_vec());
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
        assert!(
            memo.slots.len() <= SLOTS && memo.slots.iter().all(|slot| slot.input.len() <= LONGEST)
        );
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
