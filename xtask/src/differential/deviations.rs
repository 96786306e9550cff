//! What is known of others: where they deviate from spec/ja4.md, each difference computed from the
//! hello itself. A value that no set of these yields is unexplained.

use crate::lists::{ALGORITHMS, ALPN, Lists, Parts, SERVER_NAME, VERSIONS};
use crate::lists::{is_grease, version_name, without_grease};

use super::hellos::{Hello, Seen, Structure};

/// One accepted difference.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deviation {
    /// Where spec/ja4.md rules on it.
    pub(super) rule: &'static str,
    /// What the other program does.
    pub(super) what: &'static str,
}

/// A deviation in the value that is printed.
pub(super) struct Known {
    pub(super) deviation: Deviation,
    effect: Effect,
}

/// How a deviating value follows from the hello.
enum Effect {
    /// It reads other lists.
    Reads(fn(&Structure, &mut Lists)),
    /// It prints other parts of JA4.
    Prints(fn(&Structure, &Lists, &mut Parts)),
    /// It reads nothing behind the version of such hellos.
    Stops(fn(&Structure) -> bool),
    /// It prints no fingerprint of such hellos.
    Omits(fn(&Lists) -> bool),
}

/// tshark's (seen with 4.4.18).
pub(super) const TSHARK: &[Known] = &[
    Known { deviation: REPEATED_ALGORITHMS, effect: Effect::Reads(append_repeated_algorithms) },
    Known {
        deviation: Deviation {
            rule: "section 5, case 6",
            what: "GREASE stays among the signature algorithms",
        },
        effect: Effect::Prints(|structure, lists, parts| {
            if without_grease(&structure.algorithms) == lists.algorithms {
                parts.set_algorithms(&structure.algorithms);
            }
        }),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, case 18",
            what: "supported_versions without a usable value: legacy_version instead of 00",
        },
        effect: Effect::Prints(|_, lists, parts| {
            if without_grease(&lists.versions).is_empty() {
                parts.version = version_name(lists.version);
            }
        }),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, case 20",
            what: "version 0x0100 prints s1 instead of 00",
        },
        effect: Effect::Prints(|_, lists, parts| {
            if lists.version == 0x0100 && !lists.extensions.contains(&VERSIONS) {
                parts.version = "s1";
            }
        }),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, case 29",
            what: "QUIC's transport parameters over TCP: no fingerprint at all",
        },
        effect: Effect::Omits(|lists| lists.extensions.contains(&0x0039)),
    },
];

/// Suricata's (seen with 7.0.10).
pub(super) const SURICATA: &[Known] = &[
    Known {
        deviation: Deviation {
            rule: "section 7, no sigalgs",
            what: "an underscore behind the extensions although no algorithms follow",
        },
        effect: Effect::Prints(|_, lists, parts| {
            if without_grease(&lists.algorithms).is_empty() {
                parts.third.push('_');
            }
        }),
    },
    Known {
        deviation: Deviation {
            rule: "section 7, empty b/c",
            what: "the hash of an empty list instead of zeros",
        },
        effect: Effect::Prints(|_, _, parts| parts.nothing = None),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, cases 16 to 18",
            what: "the first version that it knows, or legacy_version if that is higher",
        },
        effect: Effect::Prints(|_, lists, parts| {
            let first = lists.versions.iter().copied().find(|version| suricata_knows(*version));
            parts.version = version_name(first.unwrap_or_default().max(lists.version));
        }),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, case 25",
            what: "an ALPN name that is a GREASE value prints 00",
        },
        effect: Effect::Prints(|_, lists, parts| {
            if let [high, low] = *lists.alpn
                && is_grease(u16::from_be_bytes([high, low]))
            {
                parts.alpn = "00".to_owned();
            }
        }),
    },
    Known { deviation: REPEATED_ALGORITHMS, effect: Effect::Reads(append_repeated_algorithms) },
    Known {
        deviation: Deviation {
            rule: "section 5, case 32",
            what: "a cipher list of odd length: nothing behind it is read",
        },
        effect: Effect::Stops(|structure| structure.odd_ciphers),
    },
    Known {
        deviation: Deviation {
            rule: "section 5, cases 13, 18 and 32",
            what: "an extension whose content is broken: neither it nor those behind are read",
        },
        effect: Effect::Reads(stop_at_broken_extension),
    },
];

const REPEATED_ALGORITHMS: Deviation = Deviation {
    rule: "section 2, repeated extensions",
    what: "the signature algorithms of a second such extension count too",
};

/// Hellos that only one side has.
pub(super) const REPETITION: Deviation =
    Deviation { rule: "section 6, rule 2", what: "a retransmitted hello is printed again" };
pub(super) const MALFORMED: Deviation =
    Deviation { rule: "section 2, robustness", what: "a malformed hello is fingerprinted" };
pub(super) const NOT_AT_START: Deviation = Deviation {
    rule: "section 6, rule 5",
    what: "a hello that is not at the start of the stream is not found",
};
pub(super) const FIRST_ONLY: Deviation =
    Deviation { rule: "section 6, rule 1", what: "only the first hello of a connection is shown" };
pub(super) const SPLIT_RECORDS: Deviation =
    Deviation { rule: "section 6, rule 3", what: "a hello over several TLS records is not found" };

/// The deviations that make `seen` of our hello: none when both agree, `None` when none explain it.
/// Of several sets it is a smallest one.
pub(super) fn explain<'k>(known: &'k [Known], own: &Hello, seen: &Seen) -> Option<Vec<&'k Known>> {
    let mut sets: Vec<u32> = (0..1 << known.len()).collect();
    sets.sort_by_key(|set| set.count_ones());
    sets.into_iter()
        .map(|set| {
            let members = known.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
            members.map(|(_, member)| member).collect::<Vec<_>>()
        })
        .find(|set| printed(set, own) == (seen.ja4.clone(), seen.ja3.clone()))
}

/// JA4 and JA3 as a program with these deviations prints them.
fn printed(set: &[&Known], own: &Hello) -> (String, String) {
    let (mut lists, mut ja3) = (own.lists.clone(), None);
    for known in set {
        match known.effect {
            Effect::Reads(read) => read(&own.structure, &mut lists),
            Effect::Stops(stops) if stops(&own.structure) => {
                lists = Lists { version: lists.version, ..Lists::default() };
                ja3 = Some(lists.version.to_string());
            }
            Effect::Omits(omits) if omits(&lists) => return (String::new(), String::new()),
            _ => {}
        }
    }
    let mut parts = lists.parts();
    for known in set {
        if let Effect::Prints(print) = known.effect {
            print(&own.structure, &lists, &mut parts);
        }
    }
    (parts.joined(), ja3.unwrap_or_else(|| lists.ja3()))
}

fn append_repeated_algorithms(structure: &Structure, lists: &mut Lists) {
    let count = lists.extensions.iter().filter(|kind| **kind == ALGORITHMS).count();
    let all = without_grease(&structure.algorithms);
    if count > 1 && all.starts_with(&lists.algorithms) {
        lists.algorithms = all;
    }
}

fn stop_at_broken_extension(structure: &Structure, lists: &mut Lists) {
    let is_broken = |kind: &u16| structure.broken.contains(kind);
    let Some(at) = lists.extensions.iter().position(is_broken) else { return };
    let lost = lists.extensions.split_off(at);
    if lost.contains(&ALGORITHMS) {
        lists.algorithms.clear();
    }
    if lost.contains(&VERSIONS) {
        lists.versions.clear();
    }
    if lost.contains(&ALPN) {
        lists.alpn.clear();
    }
    if lost.contains(&0x000a) {
        lists.groups.clear();
    }
    if lost.contains(&0x000b) {
        lists.formats.clear();
    }
}

/// Extensions that [`stop_at_broken_extension`] may meet, by what they hold.
pub(super) fn broken(
    name_bytes: &[u16],
    algorithm_bytes: &[u16],
    version_bytes: &[u16],
) -> Vec<u16> {
    let mut broken = Vec::new();
    if name_bytes.contains(&0) {
        broken.push(SERVER_NAME);
    }
    if algorithm_bytes.iter().any(|bytes| bytes % 2 == 1) {
        broken.push(ALGORITHMS);
    }
    if version_bytes.iter().any(|bytes| *bytes < 2) {
        broken.push(VERSIONS);
    }
    broken
}

/// SSL 3.0 to TLS 1.3, and the drafts of TLS 1.3.
fn suricata_knows(version: u16) -> bool {
    matches!(version, 0x0300..=0x0304 | 0x7f01 | 0x7f10..=0x7f1c | 0xfb17..=0xfb1a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::Record;

    /// Example E8 of spec/ja4.md: no signature algorithms.
    fn without_algorithms() -> Hello {
        let lists = Lists {
            version: 0x0301,
            ciphers: vec![0xc00a, 0xc009, 0xc014, 0xc013, 0x0035, 0x002f, 0x000a],
            extensions: vec![0x0005, 0x000a, 0x000b, 0x0023, 0x0017, 0xff01],
            groups: vec![0x001d],
            formats: vec![0],
            ..Lists::default()
        };
        Hello { record: Record::default(), lists, structure: Structure::default() }
    }

    fn seen(ja4: &str, own: &Hello) -> Seen {
        Seen { ja4: ja4.to_owned(), ja3: own.lists.ja3(), ..Seen::default() }
    }

    #[test]
    fn a_known_difference_is_computed() {
        let own = without_algorithms();
        assert_eq!(own.lists.ja4(), "t10i070600_c50f5591e341_c39ab67fec8e");
        // What Suricata's own tests expect.
        let theirs = seen(&own.lists.ja4().replace("c39ab67fec8e", "ce66f3b797c1"), &own);
        let rules = explain(SURICATA, &own, &theirs).unwrap();
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].deviation.rule, "section 7, no sigalgs");
        assert!(explain(TSHARK, &own, &theirs).is_none(), "tshark has no such deviation");
        assert!(explain(SURICATA, &own, &seen(&own.lists.ja4(), &own)).unwrap().is_empty());
        assert!(
            explain(SURICATA, &own, &seen("t10i070600_000000000000_c39ab67fec8e", &own)).is_none()
        );
    }

    #[test]
    fn grease_among_the_algorithms_counts_only_if_it_is_all_that_differs() {
        let mut own = without_algorithms();
        own.lists.extensions.push(ALGORITHMS);
        own.lists.algorithms = vec![0x0403];
        let greased = Lists { algorithms: vec![0x8a8a, 0x0403], ..own.lists.clone() };
        let other = Lists { algorithms: vec![0x8a8a, 0x0804], ..own.lists.clone() };
        for (theirs, explained) in [(greased, true), (other, false)] {
            own.structure.algorithms.clone_from(&theirs.algorithms);
            let mut parts = theirs.parts();
            parts.set_algorithms(&theirs.algorithms);
            assert_eq!(explain(TSHARK, &own, &seen(&parts.joined(), &own)).is_some(), explained);
        }
    }
}
