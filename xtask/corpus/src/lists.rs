//! A ClientHello as lists of codes, and the fingerprints that follow: computed here a second time,
//! from the lists, so that the agent is not its own judge.

use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

// Extension types that JA4 treats in a way of their own.

/// `server_name`.
pub const SERVER_NAME: u16 = 0x0000;
/// `application_layer_protocol_negotiation`.
pub const ALPN: u16 = 0x0010;
/// `signature_algorithms`.
pub const ALGORITHMS: u16 = 0x000d;
/// `supported_versions`.
pub const VERSIONS: u16 = 0x002b;

/// The lists of a hello, in wire order; GREASE may be among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Lists {
    /// `legacy_version`.
    #[serde(rename = "ver")]
    pub version: u16,
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Extension types.
    #[serde(rename = "exts")]
    pub extensions: Vec<u16>,
    /// Named groups.
    pub groups: Vec<u16>,
    /// Formats of elliptic points.
    #[serde(rename = "pf")]
    pub formats: Vec<u8>,
    /// Signature algorithms.
    #[serde(rename = "sigalgs")]
    pub algorithms: Vec<u16>,
    /// Versions in `supported_versions`.
    #[serde(rename = "sv")]
    pub versions: Vec<u16>,
    /// The first name, empty when there is none.
    #[serde(deserialize_with = "first_name")]
    pub alpn: Vec<u8>,
}

/// JA4 before its lists are hashed and its parts joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Two characters.
    pub version: &'static str,
    /// Whether there is one.
    pub server_name: bool,
    /// How many, without GREASE.
    pub ciphers: usize,
    /// How many, without GREASE.
    pub extensions: usize,
    /// Two characters.
    pub alpn: String,
    /// The sorted ciphers, as they are hashed.
    pub second: String,
    /// The sorted extensions and the algorithms, as they are hashed.
    pub third: String,
    /// What is printed for an empty list; `None` for its hash.
    pub nothing: Option<&'static str>,
}

impl Lists {
    /// The JA3 string.
    pub fn ja3(&self) -> String {
        let list = |codes: &[u16]| join(&without_grease(codes), "-", u16::to_string);
        let formats = join(&self.formats, "-", u8::to_string);
        let (ciphers, groups) = (list(&self.ciphers), list(&self.groups));
        format!("{},{ciphers},{},{groups},{formats}", self.version, list(&self.extensions))
    }

    /// JA4.
    pub fn ja4(&self) -> String {
        self.parts().joined()
    }

    /// JA4 in its parts.
    pub fn parts(&self) -> Parts {
        let mut ciphers = without_grease(&self.ciphers);
        let mut extensions = without_grease(&self.extensions);
        let version = if extensions.contains(&VERSIONS) {
            without_grease(&self.versions).into_iter().max().unwrap_or_default()
        } else {
            self.version
        };
        let mut parts = Parts {
            version: version_name(version),
            server_name: extensions.contains(&SERVER_NAME),
            ciphers: ciphers.len(),
            extensions: extensions.len(),
            alpn: ends(&self.alpn),
            second: String::new(),
            third: String::new(),
            nothing: Some("000000000000"),
        };
        ciphers.sort_unstable();
        extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
        extensions.sort_unstable();
        (parts.second, parts.third) = (hex(&ciphers), hex(&extensions));
        parts.set_algorithms(&without_grease(&self.algorithms));
        parts
    }
}

impl Parts {
    /// Puts these behind the extensions, in place of any that are there.
    pub fn set_algorithms(&mut self, algorithms: &[u16]) {
        let extensions = self.third.split('_').next().unwrap_or_default().to_owned();
        self.third = match algorithms {
            [] => extensions,
            some => format!("{extensions}_{}", hex(some)),
        };
    }

    /// JA4 as it is printed.
    pub fn joined(&self) -> String {
        let Self { version, alpn, .. } = self;
        let name = if self.server_name { 'd' } else { 'i' };
        let counts = format!("{:02}{:02}", self.ciphers.min(99), self.extensions.min(99));
        let hash = |list: &str| match self.nothing {
            Some(nothing) if list.is_empty() => nothing.to_owned(),
            _ => hash(list),
        };
        format!("t{version}{name}{counts}{alpn}_{}_{}", hash(&self.second), hash(&self.third))
    }
}

/// The two characters of JA4 for a version of TLS.
pub fn version_name(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// Whether a code is one of the sixteen of RFC 8701.
pub fn is_grease(code: u16) -> bool {
    code & 0x0f0f == 0x0a0a && code >> 8 == code & 0xff
}

/// What is left of `codes`.
pub fn without_grease(codes: &[u16]) -> Vec<u16> {
    codes.iter().copied().filter(|code| !is_grease(*code)).collect()
}

fn ends(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [*first, *last].map(char::from).iter().collect()
    } else {
        format!("{:x}{:x}", first >> 4, last & 0xf)
    }
}

fn hex(codes: &[u16]) -> String {
    join(codes, ",", |code| format!("{code:04x}"))
}

fn join<T>(items: &[T], separator: &str, print: impl Fn(&T) -> String) -> String {
    items.iter().map(print).collect::<Vec<_>>().join(separator)
}

fn hash(list: &str) -> String {
    let digest = Sha256::digest(list.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn first_name<'de, D: Deserializer<'de>>(names: D) -> Result<Vec<u8>, D::Error> {
    let names = Vec::<String>::deserialize(names)?;
    Ok(names.into_iter().next().map(String::into_bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_example_of_the_ja4_document() {
        let lists = Lists {
            version: 0x0303,
            ciphers: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013,
                0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023,
                0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            groups: vec![0x001d],
            formats: vec![0],
            algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            versions: vec![0x0304],
            alpn: b"h2".to_vec(),
        };
        assert_eq!(lists.ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(lists.ja3().starts_with("771,4865-4866-"));
    }

    #[test]
    fn names_that_are_not_alphanumeric_print_hexadecimal_digits() {
        for (name, printed) in [(&b""[..], "00"), (b"h", "hh"), (b"h ", "60"), (b"\xba\xad", "bd")]
        {
            assert_eq!(ends(name), printed);
        }
    }
}
