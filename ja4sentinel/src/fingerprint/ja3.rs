//! JA3 (spec section 8): five fields in decimal, wire order, and the MD5 of the string.

use md5::{Digest, Md5};

use super::Codes;
use super::text::{into_string, push_decimal_field, push_hex};
use crate::hello::ClientHello;

/// The JA3 string: `version,ciphers,extensions,groups,point_formats`.
pub(super) fn string(hello: &ClientHello<'_>, codes: &Codes) -> String {
    // Point formats are 8-bit values, so none of them is GREASE.
    let point_formats = hello.point_formats.iter().map(|format| u16::from(*format));

    // A value has five digits at most, and something that joins it.
    let values = 1 + codes.ciphers.len() + codes.extensions.len() + hello.groups.0.len() / 2;
    let mut string = Vec::with_capacity(6 * values + 4 * (1 + hello.point_formats.len()));
    string.extend_from_slice(itoa::Buffer::new().format(hello.legacy_version).as_bytes());
    push_decimal_field(&mut string, codes.ciphers.iter().copied());
    push_decimal_field(&mut string, codes.extensions.iter().copied());
    push_decimal_field(&mut string, codes.groups.iter().copied());
    push_decimal_field(&mut string, point_formats);
    into_string(string)
}

/// MD5 of the JA3 string, 32 lower-case hex digits.
pub(super) fn hash(string: &str) -> String {
    let mut hash = Vec::with_capacity(32);
    push_hex(&mut hash, &Md5::digest(string));
    into_string(hash)
}

#[cfg(test)]
mod tests {
    use super::hash;

    /// The examples of JA3's own README.
    #[test]
    fn hashes_of_the_ja3_readme() {
        assert_eq!(
            hash("769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"),
            "ada70206e40642a3e4461f35503241d5"
        );
        assert_eq!(hash("769,4-5-10-9-100-98-3-6-19-18-99,,,"), "de350869b8c85de67a350c8d186f11e6");
    }
}
