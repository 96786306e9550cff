//! TCP options.

use arrayvec::{ArrayString, ArrayVec};

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

/// The names of a header's options, see [`OptionFacts::names`]. An option that has a name takes two
/// bytes at least.
pub type OptionNames = ArrayString<{ MAX_TCP_OPTIONS / 2 * "SACK,".len() }>;

/// What the options of one header say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionFacts {
    /// Maximum segment size in bytes, RFC 9293 section 3.7.1. Of several the last counts, as it does
    /// for the receiving stack.
    pub mss: Option<u16>,
    /// Window scale as sent (a shift count; RFC 7323, section 2.2, gives meaning up to 14). Of several
    /// the last counts.
    pub window_scale: Option<u8>,
    /// Names in wire order, comma-separated: `MSS`, `WS`, `SACK` (the permission, RFC 2018 section 2)
    /// and `TS` (RFC 7323, section 3). Padding and kinds without a name are left out.
    pub names: OptionNames,
    /// Kinds in wire order, see [`TcpOptions::kinds`].
    pub kinds: ArrayVec<u8, MAX_TCP_OPTIONS>,
}

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

    /// Whether there is a signature: TCP MD5 (RFC 2385) or TCP-AO (RFC 5925).
    #[must_use]
    pub fn is_signed(self) -> bool {
        // What nearly all segments behind a SYN have: timestamps, as RFC 7323 lays them out.
        if let [1, 1, 8, 10, _, _, _, _, _, _, _, _] = self.0 {
            return false;
        }
        self.kinds().any(|kind| matches!(kind, kind::MD5_SIGNATURE | kind::AUTHENTICATION))
    }

    /// What they say, read in one go.
    #[must_use]
    pub fn facts(self) -> OptionFacts {
        let mut facts = OptionFacts::default();
        let OptionFacts { mss, window_scale, names, kinds } = &mut facts;
        for TcpOption { kind, data } in self {
            // Both lists have room for the most that there can be.
            let _ = kinds.try_push(kind);
            let _ = match kind {
                kind::MSS => {
                    *mss = data.try_into().ok().map(u16::from_be_bytes).or(*mss);
                    names.try_push_str("MSS,")
                }
                kind::WINDOW_SCALE => {
                    *window_scale =
                        data.try_into().ok().map(|[shift]: [u8; 1]| shift).or(*window_scale);
                    names.try_push_str("WS,")
                }
                kind::SACK_PERMITTED => names.try_push_str("SACK,"),
                kind::TIMESTAMPS => names.try_push_str("TS,"),
                _ => Ok(()),
            };
        }
        // The last comma joins nothing.
        names.pop();
        facts
    }
}

impl<'a> IntoIterator for TcpOptions<'a> {
    type Item = TcpOption<'a>;
    type IntoIter = TcpOptionIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
