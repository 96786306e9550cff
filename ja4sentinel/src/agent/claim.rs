//! What each agent of a host watches, so that one which watches the same as another says so.
//!
//! A claim is written into the names of sockets without a file, which belong to the network namespace
//! as interfaces do: everybody there can read them, and the kernel removes them with the process. The
//! second agent goes on all the same: when agents are replaced, both are there for a while, and two
//! records of a hello are better than none.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::capture::Interface;
use crate::config::{InterfacePattern, Interfaces};
use crate::sensor::PortSet;

/// Where the kernel lists the sockets of this network namespace.
const SOCKETS: &str = "/proc/thread-self/net/unix";
const PREFIX: &str = "ja4sentinel/claim";
/// Names without a file have 107 bytes; the words before the list take up to 45.
const ROOM: usize = 60;
/// Sockets of a claim at most; what does not go into them is not claimed.
const SOCKETS_MOST: usize = 64;

/// Held as long as it holds.
pub(super) struct Claim {
    /// Tells claims apart, also of processes that have one number in namespaces of their own.
    token: String,
    _sockets: Vec<UnixDatagram>,
}

impl Claim {
    /// Lets others know.
    pub(super) fn make(interfaces: &Interfaces, ports: &PortSet) -> Self {
        let token = format!("{:08x}", RandomState::new().build_hasher().finish() & 0xffff_ffff);
        let claim = format!("{PREFIX}/{token}/{}", std::process::id());
        let patterns = interfaces.patterns.iter().map(ToString::to_string);
        let patterns = lists(patterns).into_iter().map(|list| format!("{claim}/interfaces/{list}"));
        let ports = lists(ranges(ports)).into_iter().map(|list| format!("{claim}/ports/{list}"));
        let bind = |name: String| {
            let address = SocketAddr::from_abstract_name(name).ok()?;
            UnixDatagram::bind_addr(&address).ok()
        };
        let sockets = patterns.chain(ports).take(SOCKETS_MOST).filter_map(bind).collect();
        Self { token, _sockets: sockets }
    }

    /// Says of each other agent what it watches of the same.
    pub(super) fn compare(&self, watched: &[Interface], interfaces: &Interfaces, ports: &PortSet) {
        for other in self.others() {
            let both = |interface: &&Interface| {
                interfaces.matches(&interface.name) && other.interfaces.matches(&interface.name)
            };
            let same: Vec<&str> = watched.iter().filter(both).map(|one| &*one.name).collect();
            let ports = ranges(&common(ports, &other.ports)).collect::<Vec<_>>().join(",");
            if !same.is_empty() && !ports.is_empty() {
                tracing::warn!(
                    interfaces = same.join(","),
                    ports,
                    process = other.process,
                    "another agent watches the same: each of these hellos is recorded twice"
                );
            }
        }
    }

    fn others(&self) -> Vec<Other> {
        let sockets = std::fs::read_to_string(SOCKETS).unwrap_or_else(|error| {
            tracing::debug!(%error, "other agents are not looked for");
            String::new()
        });
        let mut others: BTreeMap<&str, Other> = BTreeMap::new();
        for line in sockets.lines() {
            let Some((_, name)) = line.split_once(" @") else { continue };
            let Some(claim) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('/'))
            else {
                continue;
            };
            let mut parts = claim.splitn(4, '/');
            let parts = (parts.next(), parts.next(), parts.next(), parts.next());
            let (Some(token), Some(process), Some(kind), Some(list)) = parts else { continue };
            if token == self.token {
                continue;
            }
            let other = others.entry(token).or_insert_with(|| Other {
                process: process.to_owned(),
                interfaces: Interfaces { patterns: Vec::new() },
                ports: PortSet::none(),
            });
            match kind {
                "interfaces" => {
                    let patterns = list.split(',').filter_map(InterfacePattern::parse);
                    other.interfaces.patterns.extend(patterns);
                }
                "ports" => list.split(',').filter_map(range).flatten().for_each(|port| {
                    other.ports.insert(port);
                }),
                _ => {}
            }
        }
        others.into_values().collect()
    }
}

/// Another agent.
struct Other {
    process: String,
    interfaces: Interfaces,
    ports: PortSet,
}

/// Words joined by commas, in lists that go into a name each.
fn lists(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    for word in words {
        match lists.last_mut() {
            Some(list) if list.len() + 1 + word.len() <= ROOM => {
                list.push(',');
                list.push_str(&word);
            }
            _ => lists.push(word),
        }
    }
    lists
}

/// `443`, `8000-8100`, …
fn ranges(ports: &PortSet) -> impl Iterator<Item = String> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = (next..=u16::MAX.into()).find(|port| contains(ports, *port))?;
        next = (first..=u16::MAX.into()).find(|port| !contains(ports, *port)).unwrap_or(1 << 16);
        Some(if next == first + 1 { first.to_string() } else { format!("{first}-{}", next - 1) })
    })
}

fn contains(ports: &PortSet, port: u32) -> bool {
    u16::try_from(port).is_ok_and(|port| ports.contains(port))
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

fn common(one: &PortSet, other: &PortSet) -> PortSet {
    (0..=u16::MAX).filter(|port| one.contains(*port) && other.contains(*port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::kept::Kept;

    fn said(ours: (&str, &[u16]), theirs: (&str, &[u16])) -> Vec<String> {
        let interfaces = |text: &str| Interfaces {
            patterns: text.split(',').filter_map(InterfacePattern::parse).collect(),
        };
        let ports = |list: &[u16]| list.iter().copied().collect::<PortSet>();
        let there = [Interface { index: 1, name: "lo".into() }];
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let _theirs = Claim::make(&interfaces(theirs.0), &ports(theirs.1));
            let (interfaces, ports) = (interfaces(ours.0), ports(ours.1));
            let ours = Claim::make(&interfaces, &ports);
            ours.compare(&there, &interfaces, &ports);
        });
        // Other tests of this process have their own claims, on other ports.
        let last = ours.1.last().map(u16::to_string).unwrap_or_default();
        let of_this_test = |line: &&String| line.contains(&last);
        kept.lines().iter().filter(of_this_test).cloned().collect()
    }

    #[test]
    fn the_same_interface_and_port_is_said() {
        let lines = said(("any,!eth*", &[443, 64_998, 64_999]), ("l*", &[7, 64_998, 64_999]));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("64998-64999") && lines[0].contains("lo"), "{lines:?}");
        assert!(said(("lo", &[64_999]), ("eth0", &[64_999])).is_empty());
        assert!(said(("lo", &[64_999]), ("any,!lo", &[64_999])).is_empty());
        assert!(said(("lo", &[443]), ("lo", &[64_999])).is_empty());
    }

    #[test]
    fn a_long_claim_goes_into_several_names() {
        let many: Vec<u16> = (0..200).map(|number| 60_000 + 2 * number).chain([61_999]).collect();
        let names: Vec<String> = (0..40).map(|number| format!("some-name-{number}")).collect();
        let lines = said((&names.join(","), &many), ("lo", &[61_999]));
        assert!(lines.is_empty(), "{lines:?}");
        let lines = said((&(names.join(",") + ",lo"), &many), ("lo", &[61_999]));
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
}
