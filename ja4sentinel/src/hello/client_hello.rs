//! A view of one ClientHello: validated once, then total.

/// A list of 16-bit codes in wire order; a trailing odd byte is ignored (spec rule 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct U16s<'a>(pub &'a [u8]);

impl<'a> U16s<'a> {
    /// The values, in wire order, duplicates kept.
    pub fn iter(self) -> impl ExactSizeIterator<Item = u16> + Clone + 'a {
        self.0.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair))
    }
}

/// One extension: type and raw data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Extension type code.
    pub kind: u16,
    /// Extension data.
    pub data: &'a [u8],
}

/// The extension block, already checked: iterating cannot fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions<'a>(pub(crate) &'a [u8]);

impl<'a> Extensions<'a> {
    /// How many extensions there are at the most: each has a header of four bytes.
    pub(crate) fn most(self) -> usize {
        self.0.len() / 4
    }

    /// The extensions in wire order, duplicates kept.
    pub fn iter(self) -> impl Iterator<Item = Extension<'a>> + Clone {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<4>()?;
            let [a, b, c, d] = *head;
            let (data, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
            rest = next;
            Some(Extension { kind: u16::from_be_bytes([a, b]), data })
        })
    }
}

/// What fingerprints and records need of a ClientHello (RFC 8446 section 4.1.2).
///
/// Where an extension that carries content occurs twice, the first one's content counts; every
/// occurrence stays in `extensions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientHello<'a> {
    /// `legacy_version` of the body, never of the record layer.
    pub legacy_version: u16,
    /// Cipher suites.
    pub ciphers: U16s<'a>,
    /// Extensions; an absent block and an empty one are the same.
    pub extensions: Extensions<'a>,
    /// `supported_versions` (43), `Some` when the extension is present, even if its list is empty.
    pub supported_versions: Option<U16s<'a>>,
    /// `signature_algorithms` (13).
    pub signature_algorithms: U16s<'a>,
    /// `supported_groups` (10).
    pub groups: U16s<'a>,
    /// `ec_point_formats` (11).
    pub point_formats: &'a [u8],
    /// Raw `ProtocolNameList` of ALPN (16), without its outer length; see [`ClientHello::alpn`].
    pub(crate) alpn_list: &'a [u8],
    /// First `host_name` of `server_name` (0), raw bytes.
    pub server_name: Option<&'a [u8]>,
    /// Whether an extension of type 0 is there, whatever it holds.
    pub has_server_name_extension: bool,
}

impl<'a> ClientHello<'a> {
    /// The ALPN protocol names in wire order; a cut-off last entry ends the list.
    pub fn alpn(&self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut rest = self.alpn_list;
        std::iter::from_fn(move || {
            let (len, tail) = rest.split_first()?;
            let (name, next) = tail.split_at_checked(usize::from(*len))?;
            rest = next;
            Some(name)
        })
    }
}
