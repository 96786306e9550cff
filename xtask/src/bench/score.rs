//! A program's output, set against the truth.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Result;
use md5::{Digest as _, Md5};
use serde::Serialize;

use super::corpora::{Truth, Tuple};

/// One hello as a program reports it; it need not know both fingerprints.
#[derive(Debug)]
pub(super) struct Print {
    pub(super) tuple: Tuple,
    pub(super) ja4: Option<String>,
    /// The MD5.
    pub(super) ja3: Option<String>,
}

/// How right an output is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Score {
    /// Hellos that have to be found.
    pub(crate) needed: u64,
    /// Those of them that were, with the right fingerprints.
    pub(crate) right: u64,
    /// Hellos with a fingerprint that their connection did not send.
    pub(crate) wrong: u64,
    /// More hellos than their connection may have, or of a connection that there was not.
    pub(crate) extra: u64,
}

impl Score {
    pub(crate) fn is_perfect(&self) -> bool {
        self.faults() == 0
    }

    /// The one with the most faults.
    pub(super) fn worst(scores: impl IntoIterator<Item = Self>) -> Option<Self> {
        scores.into_iter().max_by_key(Self::faults)
    }

    fn faults(&self) -> u64 {
        self.needed.abs_diff(self.right) + self.wrong + self.extra
    }
}

/// What is to be expected, connection by connection.
pub(super) struct Judge(HashMap<Tuple, Expected>);

#[derive(Default)]
struct Expected {
    connections: u64,
    min: u64,
    max: u64,
    /// JA4 and JA3 of each hello.
    hellos: Vec<(String, String)>,
}

impl Judge {
    pub(super) fn load(truth: &Path) -> Result<Self> {
        Ok(Self::new(Truth::load(truth)?))
    }

    /// Where every connection sends the same hello.
    pub(super) fn of_same(tuples: impl Iterator<Item = Tuple>, ja4: &str, ja3: &str) -> Self {
        let mut all: HashMap<Tuple, Expected> = HashMap::new();
        for tuple in tuples {
            let expected = all.entry(tuple).or_default();
            expected.connections += 1;
            expected.min += 1;
            expected.max += 1;
            expected.hellos = vec![(ja4.to_owned(), ja3.to_owned())];
        }
        Self(all)
    }

    fn new(truth: Truth) -> Self {
        let expected = truth.0.into_iter().map(|(tuple, connections)| {
            let mut expected = Expected::default();
            for connection in connections {
                expected.connections += 1;
                expected.min += u64::from(connection.min);
                expected.max += u64::from(connection.max);
                expected
                    .hellos
                    .extend(connection.hello.map(|hello| (hello.ja4(), md5(&hello.ja3()))));
            }
            (tuple, expected)
        });
        Self(expected.collect())
    }

    /// What these have to be found in.
    pub(super) fn needed(&self) -> u64 {
        self.0.values().map(|expected| expected.min).sum()
    }

    /// Of how many connections the truth tells.
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand or two")]
    pub(super) fn connections(&self) -> f64 {
        self.0.values().map(|expected| expected.connections).sum::<u64>() as f64
    }

    pub(super) fn judge(&self, prints: impl IntoIterator<Item = Print>) -> Score {
        let mut score = Score { needed: self.needed(), ..Score::default() };
        let mut found: HashMap<&Tuple, (u64, u64)> = HashMap::new();
        for print in prints {
            let Some((tuple, expected)) = self.0.get_key_value(&print.tuple) else {
                score.extra += 1;
                continue;
            };
            let (all, good) = found.entry(tuple).or_default();
            *all += 1;
            if expected.holds(&print) {
                *good += 1;
            } else if !expected.hellos.is_empty() {
                score.wrong += 1;
            }
        }
        for (tuple, (all, good)) in found {
            let Some(expected) = self.0.get(tuple) else { continue };
            score.right += good.min(expected.min);
            score.extra += all.saturating_sub(expected.max);
        }
        score
    }
}

impl Expected {
    /// Whether each fingerprint is that of one of the hellos.
    fn holds(&self, print: &Print) -> bool {
        if self.hellos.is_empty() {
            return self.max > 0;
        }
        let is = |given: &Option<String>, of: fn(&(String, String)) -> &String| {
            given.as_ref().is_none_or(|given| self.hellos.iter().any(|hello| of(hello) == given))
        };
        is(&print.ja4, |hello| &hello.0) && is(&print.ja3, |hello| &hello.1)
    }
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(port: u16) -> Tuple {
        let address = "192.0.2.1".parse().unwrap();
        Tuple { src_ip: address, src_port: port, dst_ip: address, dst_port: 443 }
    }

    fn print(port: u16, ja4: &str) -> Print {
        Print { tuple: tuple(port), ja4: Some(ja4.to_owned()), ja3: None }
    }

    fn judge() -> Judge {
        let hello = |ja4: &str| (ja4.to_owned(), String::new());
        let must = Expected { connections: 1, min: 1, max: 1, hellos: vec![hello("a")] };
        let may = Expected { connections: 1, min: 0, max: 1, hellos: vec![hello("b")] };
        Judge([(tuple(1), must), (tuple(2), may)].into())
    }

    #[test]
    fn right_missing_wrong_and_too_many() {
        let score = |prints: Vec<Print>| {
            let Score { needed, right, wrong, extra } = judge().judge(prints);
            (needed, right, wrong, extra)
        };
        assert_eq!(score(vec![]), (1, 0, 0, 0));
        assert_eq!(score(vec![print(1, "a"), print(2, "b")]), (1, 1, 0, 0));
        assert_eq!(score(vec![print(1, "b")]), (1, 0, 1, 0));
        assert_eq!(score(vec![print(1, "a"), print(1, "a")]), (1, 1, 0, 1));
        assert_eq!(score(vec![print(3, "a")]), (1, 0, 0, 1));
        assert!(judge().judge(vec![print(1, "a")]).is_perfect());
        assert!(!judge().judge(vec![print(2, "b")]).is_perfect());
        let scores = [vec![print(1, "a")], vec![], vec![print(1, "a"), print(3, "a")]];
        let worst = Score::worst(scores.map(|prints| judge().judge(prints))).unwrap();
        assert_eq!((worst.right, worst.extra), (1, 1));
    }
}
