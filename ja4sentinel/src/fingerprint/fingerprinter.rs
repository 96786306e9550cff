//! Hellos to their fingerprints, one after the other.

use super::ciphers::Ciphers;
use super::ja4::{self, Head};
use super::memo::Memo;
use super::shape::Shape;
use super::text::push_hex_list;
use super::{Fingerprints, Ja4, Transport, ja3};
use crate::hello::ClientHello;

/// Computes fingerprints, and remembers them: what it gives for a hello depends on that hello alone,
/// and takes less time when others have sent the same lists before. Its memory is bounded.
#[derive(Debug, Default)]
pub struct Fingerprinter {
    known: Memo<Fingerprints>,
    parts: Parts,
    /// That of the hello at hand.
    shape: Shape,
}

/// What hellos of one client have in common that shuffles its extensions.
#[derive(Debug, Default)]
struct Parts {
    ciphers: Memo<Ciphers>,
    sorted: Memo<Sorted>,
    /// What the sorted forms of the hello at hand depend on.
    input: Vec<u8>,
    /// Its extensions, sorted.
    extensions: Vec<u16>,
}

/// What does not depend on the order of extensions.
#[derive(Debug, Clone, Default)]
struct Sorted {
    ja4: Ja4,
    ja4_r: String,
    /// Signature algorithms, as text.
    algorithms: Vec<u8>,
}

impl Fingerprinter {
    /// Computes every fingerprint of `hello`.
    pub fn fingerprint(&mut self, hello: &ClientHello<'_>, transport: Transport) -> &Fingerprints {
        let Self { known, parts, shape } = self;
        let version = ja4::version(hello, transport);
        let head = shape.read(hello, version, transport);
        let work_out = |found: &mut Fingerprints| {
            found.tls_version = version;
            parts.work_out(found, &head, shape, hello.legacy_version);
        };
        known.get(shape.bytes(), work_out)
    }
}

impl Parts {
    /// Writes the fingerprints of a hello over another one's, whose memory they take.
    fn work_out(&mut self, found: &mut Fingerprints, head: &Head, shape: &Shape, version: u16) {
        let Self { ciphers, sorted, input, extensions } = self;
        let ciphers =
            ciphers.get(shape.beginning(), |forms| forms.work_out(version, shape.ciphers()));
        extensions.clear();
        extensions.extend(shape.extensions().iter());
        ja4::sort(extensions);
        shape.write_sorted(head, extensions, input);
        let sorted = sorted.get(input, |found| {
            found.algorithms.clear();
            push_hex_list(&mut found.algorithms, shape.signature_algorithms().iter());
            let (kinds, raw) = (extensions.iter().copied(), &mut found.ja4_r);
            found.ja4 = head.join(&ciphers.sorted, kinds, &found.algorithms, raw);
        });
        found.ja4 = sorted.ja4;
        found.ja4_r.clone_from(&sorted.ja4_r);
        let (kinds, raw) = (shape.extensions().iter(), &mut found.ja4_ro);
        found.ja4_o = head.join(&ciphers.wire, kinds, &sorted.algorithms, raw);
        found.ja3_hash = ja3::write(&mut found.ja3, &ciphers.ja3, shape);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hello::{Extensions, U16s};

    /// A hello of these codes.
    fn fingerprints(
        by: &mut Fingerprinter,
        version: u16,
        ciphers: &[u8],
        block: &[u8],
        lists: &[u8],
    ) -> Fingerprints {
        let hello = ClientHello {
            legacy_version: version,
            ciphers: U16s(ciphers),
            extensions: Extensions(block),
            signature_algorithms: U16s(lists),
            groups: U16s(lists),
            point_formats: lists,
            ..ClientHello::default()
        };
        by.fingerprint(&hello, Transport::Tcp).clone()
    }

    proptest! {
        /// Lists of a few codes, so that most of them come again.
        #[test]
        fn what_came_before_makes_no_difference(
            hellos in prop::collection::vec(
                (0_u16..2, prop::collection::vec(0_u8..3, 0..6), prop::collection::vec(0_u8..3, 0..3), prop::collection::vec(0_u8..2, 0..3)),
                0..40,
            ),
        ) {
            let mut one = Fingerprinter::default();
            for (version, ciphers, kinds, lists) in hellos {
                let block: Vec<u8> = kinds.iter().flat_map(|kind| [0, *kind, 0, 0]).collect();
                let known = fingerprints(&mut one, version, &ciphers, &block, &lists);
                let fresh = fingerprints(&mut Fingerprinter::default(), version, &ciphers, &block, &lists);
                prop_assert_eq!(known, fresh);
            }
        }
    }
}
