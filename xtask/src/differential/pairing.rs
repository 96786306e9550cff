//! Which hello of ours is which of theirs, and what to make of each pair and of what is left over.

use std::collections::{BTreeMap, BTreeSet};

use super::deviations::{self, Deviation, Known};
use super::hellos::{Hello, Own, Seen, Tuple};

/// How one hello compares.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same on both sides.
    Agrees,
    /// Different, as is known.
    Differs(Vec<&'static Deviation>),
    /// The other side has nothing to compare with, and why.
    NotCompared(String),
    /// Different, and nobody knows why.
    Unexplained(String),
}

/// One hello of a connection.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) tuple: Tuple,
    /// From 1: ours, or behind ours for what only the other side has.
    pub(super) index: usize,
    pub(super) verdict: Verdict,
}

/// Compares what both sides have of every connection. `absent` judges a hello of ours that the other
/// side does not have; it is told whether the other side has another one of the connection. `paired`
/// is told which of theirs belongs to which of ours (by number).
pub(super) fn compare(
    known: &'static [Known],
    own: &Own,
    seen: &[(Tuple, Seen)],
    absent: impl Fn(&Tuple, &Hello, bool) -> Verdict,
    mut paired: impl FnMut(usize, &Seen),
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut connections: BTreeMap<Tuple, (Vec<usize>, Vec<&Seen>)> = BTreeMap::new();
    for (number, (tuple, _)) in own.hellos.iter().enumerate() {
        connections.entry(*tuple).or_default().0.push(number);
    }
    for (tuple, seen) in seen {
        connections.entry(*tuple).or_default().1.push(seen);
    }
    for (tuple, (ours, theirs)) in connections {
        let hellos: Vec<&Hello> =
            ours.iter().filter_map(|number| own.hellos.get(*number)).map(|(_, own)| own).collect();
        let pairs = pair(known, &hellos, &theirs);
        let mut push = |index, verdict| findings.push(Finding { tuple, index, verdict });
        for (index, (hello, number)) in hellos.iter().zip(&ours).enumerate() {
            let verdict = match pairs.get(&index).and_then(|at| theirs.get(*at)) {
                None => absent(&tuple, hello, !pairs.is_empty()),
                Some(seen) => {
                    paired(*number, seen);
                    judge(known, hello, seen)
                }
            };
            push(index + 1, verdict);
        }
        let taken: BTreeSet<usize> = pairs.values().copied().collect();
        let left = theirs.iter().enumerate().filter(|(at, _)| !taken.contains(at));
        for (place, (_, seen)) in left.enumerate() {
            let is_known = |at: &usize| theirs.get(*at).is_some_and(|other| is_same(other, seen));
            let verdict = if seen.is_repetition && taken.iter().any(is_known) {
                Verdict::Differs(vec![&deviations::REPETITION])
            } else if own.incomplete.iter().any(|(of, why)| *of == tuple && is_malformed(why)) {
                Verdict::Differs(vec![&deviations::MALFORMED])
            } else {
                Verdict::Unexplained(format!("we have none, they {} {}", seen.ja4, seen.ja3))
            };
            push(hellos.len() + place + 1, verdict);
        }
    }
    findings
}

/// Whether two may be the same hello.
type Fits<'f> = &'f dyn Fn(&Hello, &Seen) -> bool;

/// Index of ours to index of theirs. Those that agree first, then those whose difference is known,
/// then those that are left, each in order.
fn pair(known: &'static [Known], ours: &[&Hello], theirs: &[&Seen]) -> BTreeMap<usize, usize> {
    let mut pairs = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let fits: [Fits<'_>; 3] = [
        &|own, seen| deviations::explain(&[], own, seen).is_some(),
        &|own, seen| deviations::explain(known, own, seen).is_some(),
        &|_, seen| !seen.is_repetition,
    ];
    for fits in fits {
        for (index, own) in ours.iter().enumerate() {
            if pairs.contains_key(&index) {
                continue;
            }
            let mut free = theirs.iter().enumerate().filter(|(at, _)| !taken.contains(at));
            if let Some((at, _)) = free.find(|(_, seen)| fits(own, seen)) {
                pairs.insert(index, at);
                taken.insert(at);
            }
        }
    }
    pairs
}

fn judge(known: &'static [Known], own: &Hello, seen: &Seen) -> Verdict {
    if let Some(name) = &seen.server_name
        && own.record.sni.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && *name != own.record.sni
    {
        return Verdict::Unexplained(format!("server name {:?}, they {name:?}", own.record.sni));
    }
    let recomputed = own.recomputed();
    if recomputed != (own.record.ja4.clone(), own.record.ja3.clone()) {
        return Verdict::Unexplained(format!(
            "our record has {}, and its lists give {}",
            own.record.ja4, recomputed.0
        ));
    }
    match deviations::explain(known, own, seen) {
        Some(set) if set.is_empty() => Verdict::Agrees,
        Some(set) => Verdict::Differs(set.into_iter().map(|known| &known.deviation).collect()),
        None => Verdict::Unexplained(format!(
            "we have {} {}, they {} {}",
            own.record.ja4, own.record.ja3, seen.ja4, seen.ja3
        )),
    }
}

/// Whether both are one and the same hello: a further one after a HelloRetryRequest has the same
/// `random` too (RFC 8446 section 4.1.2), so this is asked of repeated segments only.
fn is_same(one: &Seen, other: &Seen) -> bool {
    one.random == other.random && one.ja4 == other.ja4 && one.ja3 == other.ja3
}

/// Reasons of records without fingerprint that others do not mind.
fn is_malformed(reason: &str) -> bool {
    matches!(
        reason,
        "body_short"
            | "long_session_id"
            | "extension_block_short"
            | "extension_truncated"
            | "interrupted_hello"
    )
}
