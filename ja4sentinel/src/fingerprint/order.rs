//! Short lists of codes, sorted.

/// Lists up to this length are sorted without a branch; a browser's have half as many codes.
const SHORT: usize = 32;

/// Sorts codes. Clients that shuffle leave nothing to a processor that guesses which comes first, so
/// that each code of a short list is counted to its place.
pub(super) fn sort(codes: &mut [u16]) {
    let len = codes.len();
    let mut keys = [u32::MAX; SHORT];
    let (Some(used), true) = (keys.get_mut(..len), len <= SHORT) else {
        return codes.sort_unstable();
    };
    // The position tells equal codes apart.
    for ((key, code), position) in used.iter_mut().zip(&*codes).zip(0..) {
        *key = u32::from(*code) << 16 | position;
    }
    // Whole vectors of the processor; what is beyond the list is greater than all of it.
    let compared = keys.get(..len.next_multiple_of(8)).unwrap_or(&keys);
    let mut sorted = [0; SHORT];
    for (key, code) in keys.iter().zip(&*codes) {
        let place = compared.iter().map(|other| u32::from(other < key)).sum::<u32>();
        if let Some(slot) = sorted.get_mut(place as usize) {
            *slot = *code;
        }
    }
    for (code, sorted) in codes.iter_mut().zip(sorted) {
        *code = sorted;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn as_the_standard_library_sorts(
            codes in prop::collection::vec(prop_oneof![0_u16..4, any::<u16>()], 0..40),
        ) {
            let (mut ours, mut theirs) = (codes.clone(), codes);
            super::sort(&mut ours);
            theirs.sort_unstable();
            prop_assert_eq!(ours, theirs);
        }
    }
}
