//! Spoils a sequence of frames as a bad path or a bad capture does: drops, cuts, repeats and
//! reorders, each at its rate, all of it decided by one seed.

/// A small generator of numbers without pattern: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`; 0 when that is 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap_or(u64::MAX))
            .unwrap_or_default()
    }

    /// True in so many of a thousand cases.
    pub fn hits(&mut self, per_mille: u32) -> bool {
        self.roll() % 1000 < u64::from(per_mille)
    }
}

/// How often each fault happens, in a thousand frames.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// The frame is lost.
    pub drop: u32,
    /// The capture holds only its beginning.
    pub truncate: u32,
    /// It comes twice.
    pub duplicate: u32,
    /// It comes later, behind up to [`REACH`] others.
    pub reorder: u32,
}

/// How far a reordered frame falls behind, in frames.
pub const REACH: usize = 64;

/// A frame as it was captured.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The captured bytes.
    pub bytes: Vec<u8>,
    /// Length on the wire.
    pub original_len: usize,
}

/// The frames after their way through faults.
#[must_use]
pub fn inject(frames: Vec<Vec<u8>>, rates: Rates, seed: u64) -> Vec<Captured> {
    let mut dice = Dice(seed);
    let mut placed: Vec<(usize, Captured)> = Vec::new();
    for (place, mut bytes) in frames.into_iter().enumerate() {
        if dice.hits(rates.drop) {
            continue;
        }
        let original_len = bytes.len();
        let copies = if dice.hits(rates.duplicate) { 2 } else { 1 };
        if dice.hits(rates.truncate) {
            bytes.truncate(dice.below(original_len));
        }
        for _ in 0..copies {
            let late = if dice.hits(rates.reorder) { 1 + dice.below(REACH) } else { 0 };
            placed.push((place + late, Captured { bytes: bytes.clone(), original_len }));
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, captured)| captured).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_faults_nothing_changes_and_a_seed_decides_all() {
        let frames: Vec<Vec<u8>> = (0..100).map(|byte| vec![byte; 20]).collect();
        let whole = inject(frames.clone(), Rates::default(), 1);
        assert!(whole.iter().map(|captured| &captured.bytes).eq(&frames));
        let rates = Rates { drop: 100, truncate: 100, duplicate: 100, reorder: 100 };
        let spoilt = |seed| {
            let captured = inject(frames.clone(), rates, seed);
            captured.into_iter().map(|captured| captured.bytes).collect::<Vec<_>>()
        };
        assert_eq!(spoilt(7), spoilt(7));
        assert_ne!(spoilt(7), spoilt(8));
        assert!(inject(frames.clone(), Rates { drop: 1000, ..rates }, 1).is_empty());
    }
}
