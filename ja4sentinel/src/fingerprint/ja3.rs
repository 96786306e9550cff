//! JA3 (spec section 8): five fields in decimal, wire order, and the MD5 of the string.

use md5::{Digest, Md5};

use super::Ja3Hash;
use super::shape::Shape;
use super::text::{ascii, emptied, hex_digits, into_string, push_decimal_field};

/// The beginning of a JA3 string, version and cipher suites: clients that shuffle their extensions
/// always begin with the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Beginning {
    text: Vec<u8>,
    /// That has seen the text.
    hasher: Md5,
}

impl Beginning {
    /// Writes that of a version and a list over the one before.
    pub(super) fn work_out(&mut self, version: u16, suites: &[u16]) {
        let Self { text, hasher } = self;
        text.clear();
        text.extend_from_slice(itoa::Buffer::new().format(version).as_bytes());
        push_decimal_field(text, suites.iter().copied());
        *hasher = Md5::new_with_prefix(text);
    }
}

/// Writes the JA3 string over what is there, `version,ciphers,extensions,groups,point_formats`, and
/// hands out its MD5.
pub(super) fn write(string: &mut String, beginning: &Beginning, shape: &Shape) -> Ja3Hash {
    let Beginning { text: begun, hasher } = beginning;
    let (extensions, groups) = (shape.extensions().iter(), shape.groups().iter());
    let point_formats = shape.point_formats().iter().map(|format| u16::from(*format));

    // A value has five digits at most, and something that joins it.
    let values = extensions.len() + groups.len() + point_formats.len();
    let mut text = emptied(string, begun.len() + 6 * values + 3);
    text.extend_from_slice(begun);
    push_decimal_field(&mut text, extensions);
    push_decimal_field(&mut text, groups);
    push_decimal_field(&mut text, point_formats);

    let rest = text.get(begun.len()..).unwrap_or_default();
    let hash = hasher.clone().chain_update(rest).finalize();
    *string = into_string(text);
    ascii::<32>(&hex_digits(&hash.0))
}

#[cfg(test)]
mod tests {
    use crate::fingerprint::{Fingerprints, Transport};
    use crate::hello::{ClientHello, Extensions, U16s};

    fn bytes(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    /// The examples of JA3's own README.
    #[test]
    fn examples_of_the_ja3_readme() {
        let first = [47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4];
        let second = [4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99];
        for (ciphers, extensions, groups, formats, string, hash) in [
            (
                first.as_slice(),
                [0, 10, 11].as_slice(),
                [23, 24, 25].as_slice(),
                [0].as_slice(),
                "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
                "ada70206e40642a3e4461f35503241d5",
            ),
            (
                &second,
                &[],
                &[],
                &[],
                "769,4-5-10-9-100-98-3-6-19-18-99,,,",
                "de350869b8c85de67a350c8d186f11e6",
            ),
        ] {
            let block: Vec<u8> = extensions.iter().flat_map(|kind| [0, *kind, 0, 0]).collect();
            let hello = ClientHello {
                legacy_version: 769,
                ciphers: U16s(&bytes(ciphers)),
                extensions: Extensions(&block),
                groups: U16s(&bytes(groups)),
                point_formats: formats,
                ..ClientHello::default()
            };
            let fingerprints = Fingerprints::of(&hello, Transport::Tcp);
            assert_eq!((&*fingerprints.ja3, &*fingerprints.ja3_hash), (string, hash));
        }
    }
}
