//! Which interfaces are watched, by name.

use std::fmt;

/// A pattern of interface names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfacePattern {
    /// Every interface, the loopback one included.
    Any,
    /// Exactly this one.
    Name(String),
    /// Every one that fits: `*` stands for any run of characters, `?` for any single one.
    Glob(String),
    /// Not those that fit this glob, whatever the other patterns say.
    Not(String),
}

impl InterfacePattern {
    /// Linux names have at most 15 bytes (`IFNAMSIZ` less its NUL).
    pub const NAME_MAX: usize = 15;

    /// Reads `any`, a name, a glob, or `!` and a glob. `None` when no interface can have such a
    /// name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let plausible = !text.is_empty()
            && text.len() <= Self::NAME_MAX
            && text != "."
            && text != ".."
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "/!,".contains(c));
        if !plausible {
            return None;
        }
        Some(match text {
            _ if negative => Self::Not(text.to_owned()),
            "any" => Self::Any,
            _ if text.contains(['*', '?']) => Self::Glob(text.to_owned()),
            _ => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for InterfacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Name(text) | Self::Glob(text) => f.write_str(text),
            Self::Not(text) => write!(f, "!{text}"),
        }
    }
}

/// The interfaces to watch; those that fit are followed as they come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interfaces {
    /// The patterns; at least one is no [`InterfacePattern::Not`].
    pub patterns: Vec<InterfacePattern>,
}

impl Interfaces {
    /// Every interface.
    #[must_use]
    pub fn any() -> Self {
        Self { patterns: vec![InterfacePattern::Any] }
    }

    /// Whether the interface called `name` is watched.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut wanted = false;
        for pattern in &self.patterns {
            match pattern {
                InterfacePattern::Any => wanted = true,
                InterfacePattern::Name(exact) => wanted |= exact == name,
                InterfacePattern::Glob(glob) => wanted |= fits(glob.as_bytes(), name.as_bytes()),
                InterfacePattern::Not(glob) => {
                    if fits(glob.as_bytes(), name.as_bytes()) {
                        return false;
                    }
                }
            }
        }
        wanted
    }

    /// The interfaces asked for by their exact name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().filter_map(|pattern| match pattern {
            InterfacePattern::Name(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

impl fmt::Display for Interfaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, pattern) in self.patterns.iter().enumerate() {
            write!(f, "{}{pattern}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Both are short, so that plain recursion does.
fn fits(glob: &[u8], name: &[u8]) -> bool {
    match glob.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => {
            (0..=name.len()).any(|skip| name.get(skip..).is_some_and(|tail| fits(rest, tail)))
        }
        Some((wanted, rest)) => name
            .split_first()
            .is_some_and(|(first, tail)| (*wanted == b'?' || wanted == first) && fits(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interfaces(patterns: &[&str]) -> Interfaces {
        Interfaces {
            patterns: patterns.iter().map(|p| InterfacePattern::parse(p).unwrap()).collect(),
        }
    }

    #[test]
    fn names_globs_any_and_exclusions() {
        assert!(interfaces(&["any"]).matches("lo"));
        assert!(interfaces(&["eth0"]).matches("eth0"));
        assert!(!interfaces(&["eth0"]).matches("eth01"));
        assert!(interfaces(&["en*"]).matches("enp3s0"));
        assert!(!interfaces(&["en*"]).matches("wlan0"));
        assert!(interfaces(&["eth?"]).matches("eth1"));
        assert!(!interfaces(&["eth?"]).matches("eth"));
        assert!(interfaces(&["*p*s*"]).matches("enp3s0"));
        let most = interfaces(&["any", "!lo", "!veth*"]);
        assert!(most.matches("eth0"));
        assert!(!most.matches("lo"));
        assert!(!most.matches("veth1234"));
    }

    #[test]
    fn what_no_interface_can_be_called_is_refused() {
        for text in ["", "!", "a/b", "a b", "sixteen-letters-", "..", "a,b"] {
            assert_eq!(InterfacePattern::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn patterns_print_as_typed() {
        assert_eq!(interfaces(&["any", "eth0", "en*", "!lo"]).to_string(), "any,eth0,en*,!lo");
    }
}
