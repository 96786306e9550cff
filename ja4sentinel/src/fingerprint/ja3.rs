//! JA3 (spec section 8): five fields in decimal, wire order, and the MD5 of the string.

use md5::{Digest, Md5};

use super::Ja3Hash;
use super::shape::Shape;
use super::text::{ascii, emptied, hex_digits, into_string, push_decimal_field};

/// Writes the JA3 string over what is there: `version,ciphers,extensions,groups,point_formats`.
/// `ciphers` is that field with the comma before it.
pub(super) fn write(string: &mut String, version: u16, ciphers: &[u8], shape: &Shape) {
    let (extensions, groups) = (shape.extensions().iter(), shape.groups().iter());
    let point_formats = shape.point_formats().iter().map(|format| u16::from(*format));

    // A value has five digits at most, and something that joins it.
    let values = 1 + extensions.len() + groups.len() + point_formats.len();
    let mut text = emptied(string, ciphers.len() + 6 * values + 8);
    text.extend_from_slice(itoa::Buffer::new().format(version).as_bytes());
    text.extend_from_slice(ciphers);
    push_decimal_field(&mut text, extensions);
    push_decimal_field(&mut text, groups);
    push_decimal_field(&mut text, point_formats);
    *string = into_string(text);
}

/// MD5 of the JA3 string.
pub(super) fn hash(string: &str) -> Ja3Hash {
    ascii::<32>(&hex_digits(&Md5::digest(string).0))
}

#[cfg(test)]
mod tests {
    use super::hash;

    /// The examples of JA3's own README.
    #[test]
    fn hashes_of_the_ja3_readme() {
        assert_eq!(
            &*hash("769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"),
            "ada70206e40642a3e4461f35503241d5"
        );
        assert_eq!(
            &*hash("769,4-5-10-9-100-98-3-6-19-18-99,,,"),
            "de350869b8c85de67a350c8d186f11e6"
        );
    }
}
