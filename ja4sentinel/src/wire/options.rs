//! TCP options.

use arrayvec::ArrayString;

use super::TcpOptions;

/// Option kinds, from the IANA registry.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const PADDING: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const TIMESTAMPS: u8 = 8;
    pub(super) const MD5_SIGNATURE: u8 = 19;
    pub(super) const AUTHENTICATION: u8 = 29;
}

/// Option bytes that a TCP header can have, and so the most options: a data offset of 15 words, less
/// the fixed 20 bytes.
pub const MAX_TCP_OPTIONS: usize = 40;

/// The names of a header's options, see [`TcpOptions::names`]. An option that has a name takes two
/// bytes at least.
pub type OptionNames = ArrayString<{ MAX_TCP_OPTIONS / 2 * "SACK,".len() }>;

/// One TCP option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpOption<'a> {
    /// Its kind, from the IANA registry.
    pub kind: u8,
    /// Its value, without kind and length.
    pub data: &'a [u8],
}

/// The options of a header in wire order, padding included; ends behind the end-of-list option, and
/// before an option whose length is impossible. RFC 9293, section 3.1.
#[derive(Debug, Clone)]
pub struct TcpOptionIter<'a> {
    rest: &'a [u8],
    malformed: bool,
}

impl<'a> Iterator for TcpOptionIter<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, behind) = self.rest.split_first()?;
        if matches!(kind, kind::END | kind::PADDING) {
            self.rest = if kind == kind::END { &[] } else { behind };
            return Some(TcpOption { kind, data: &[] });
        }
        let option = behind
            .split_first()
            .and_then(|(&len, value)| value.split_at_checked(usize::from(len).checked_sub(2)?));
        let Some((data, rest)) = option else {
            (self.rest, self.malformed) = (&[], true);
            return None;
        };
        self.rest = rest;
        Some(TcpOption { kind, data })
    }
}

impl<'a> TcpOptions<'a> {
    /// The options in wire order.
    #[must_use]
    pub fn iter(self) -> TcpOptionIter<'a> {
        let rest = self.0.get(..MAX_TCP_OPTIONS).unwrap_or(self.0);
        TcpOptionIter { rest, malformed: false }
    }

    /// The kinds in wire order, padding (1) and the end of the list (0) included; 40 at the most.
    pub fn kinds(self) -> impl Iterator<Item = u8> + use<'a> {
        self.iter().map(|option| option.kind)
    }

    /// Whether an option's length is impossible, so that what follows it cannot be read.
    #[must_use]
    pub fn is_malformed(self) -> bool {
        let mut options = self.iter();
        options.by_ref().for_each(drop);
        options.malformed
    }

    /// Maximum segment size in bytes, RFC 9293 section 3.7.1. Of several the last counts, as it
    /// does for the receiving stack.
    #[must_use]
    pub fn mss(self) -> Option<u16> {
        let values = self.iter().filter(|option| option.kind == kind::MSS);
        values.filter_map(|option| option.data.try_into().ok().map(u16::from_be_bytes)).last()
    }

    /// Window scale as sent (a shift count; RFC 7323, section 2.2, gives meaning up to 14). Of
    /// several the last counts.
    #[must_use]
    pub fn window_scale(self) -> Option<u8> {
        let values = self.iter().filter(|option| option.kind == kind::WINDOW_SCALE);
        values.filter_map(|option| option.data.try_into().ok().map(|[shift]: [u8; 1]| shift)).last()
    }

    /// Whether there is a signature: TCP MD5 (RFC 2385) or TCP-AO (RFC 5925).
    #[must_use]
    pub fn is_signed(self) -> bool {
        self.kinds().any(|kind| matches!(kind, kind::MD5_SIGNATURE | kind::AUTHENTICATION))
    }

    /// Names in wire order, comma-separated: `MSS`, `WS`, `SACK` (the permission, RFC 2018 section
    /// 2) and `TS` (RFC 7323, section 3). Padding and kinds without a name are left out; they are
    /// in [`TcpOptions::kinds`].
    #[must_use]
    pub fn names(self) -> OptionNames {
        let mut names = OptionNames::new();
        for name in self.kinds().filter_map(name) {
            // Fits, as there is room for the most that there can be.
            let comma = if names.is_empty() { "" } else { "," };
            let _ = names.try_push_str(comma).and_then(|()| names.try_push_str(name));
        }
        names
    }
}

impl<'a> IntoIterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;
    type IntoIter = TcpOptionIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn name(kind: u8) -> Option<&'static str> {
    match kind {
        kind::MSS => Some("MSS"),
        kind::WINDOW_SCALE => Some("WS"),
        kind::SACK_PERMITTED => Some("SACK"),
        kind::TIMESTAMPS => Some("TS"),
        _ => None,
    }
}
