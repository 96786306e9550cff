//! Segments of one connection, in any order and overlap.

use super::choices;
use crate::flow::{Assembler, Bounds, Budget};

/// Small, so that a fuzzer reaches them.
const BOUNDS: Bounds = Bounds { bytes: 512, pieces: 5, boundaries: 512 };

/// Puts segments in order, beside a plain array of bytes that does the same: first bytes stay,
/// limits hold, and memory is accounted for to the byte.
pub fn segments(data: &[u8]) {
    let mut rest = data;
    let mut held = Assembler::default();
    let mut budget = Budget::new(4096);
    let mut model = [None::<u8>; BOUNDS.bytes];
    while !rest.is_empty() {
        let ([high, low, length], behind) = choices(rest);
        let offset = usize::from(u16::from_be_bytes([high & 0x03, low]));
        let length = usize::from(length).min(behind.len());
        let (bytes, next) = behind.split_at(length);
        rest = next;
        let done = held.insert(offset, bytes, &BOUNDS, &mut budget);
        assert!(done.fresh + done.known <= bytes.len());
        let mut conflict = false;
        for (slot, byte) in model.iter_mut().skip(offset).zip(bytes) {
            match slot {
                Some(known) => conflict |= known != byte,
                // A limit other than that of bytes leaves the whole segment out.
                None if done.fresh > 0 => *slot = Some(*byte),
                None => {}
            }
        }
        assert_eq!(done.conflict, conflict);
        assert_eq!(budget.used(), held.footprint());
        assert!(budget.used() <= 4096);
        assert!(held.pieces() <= BOUNDS.pieces);
    }
    let prefix: Vec<u8> = model.iter().map_while(|byte| *byte).collect();
    assert_eq!(held.prefix(), prefix);
    held.clear(&mut budget);
    assert_eq!(budget.used(), 0);
}
