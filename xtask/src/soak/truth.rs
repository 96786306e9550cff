//! Which hellos were sent, each with a server name of its own, and which of them have a record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::servers::DOMAIN;
use serde_json::Value;

/// Faults that are kept, for the report; the rest is counted.
const KEPT: usize = 5;

/// What was sent and what was recorded.
#[derive(Debug, Default)]
pub(super) struct Truth(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    next: u64,
    /// On their way, or lost.
    waiting: BTreeSet<String>,
    /// Perhaps never sent.
    excused: BTreeSet<String>,
    /// The JA4 of each kind of client, by its first record.
    fingerprints: BTreeMap<String, String>,
    counts: Counts,
}

/// The sums.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    /// Hellos of real connections.
    pub(super) sent: u64,
    /// Those of them that real TLS programs sent.
    pub(super) programs: u64,
    /// Programs that did not end well, on a machine that is too busy; whether they got as far as
    /// their hello nobody knows, so they are left out of all other sums.
    pub(super) failed: u64,
    /// Records of them.
    pub(super) recorded: u64,
    /// Records of anything else.
    pub(super) others: u64,
    /// Records of real connections whose SYN the agent had not.
    pub(super) without_syn: u64,
    /// Records that are wrong: of no hello that was sent, or not as those before.
    pub(super) wrong: u64,
    /// The first of them, in words.
    pub(super) examples: Vec<String>,
}

impl Truth {
    /// A server name for the next hello of a client of this kind. It counts as sent from now on.
    pub(super) fn expect(&self, kind: &str) -> String {
        let mut books = self.books();
        books.next += 1;
        // All names have one length: a hello's padding may depend on it.
        let name = format!("{:08}.{kind}.{DOMAIN}", books.next);
        books.waiting.insert(name.clone());
        books.counts.sent += 1;
        name
    }

    /// The same for a client that is a program.
    pub(super) fn expect_program(&self, kind: &str) -> String {
        self.books().counts.programs += 1;
        self.expect(kind)
    }

    /// The program that was to send this hello failed.
    pub(super) fn excuse(&self, name: &str) {
        let mut books = self.books();
        books.counts.failed += 1;
        books.counts.programs -= 1;
        books.counts.sent -= 1;
        if !books.waiting.remove(name) {
            books.counts.recorded -= 1;
        }
        books.excused.insert(name.to_owned());
    }

    /// A line of the output that never fails.
    pub(super) fn record(&self, line: &str) -> Result<()> {
        let record: Value =
            serde_json::from_str(line).with_context(|| format!("not a record: {line}"))?;
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let (sni, ja4) = (text("sni"), text("ja4"));
        ensure!(!ja4.is_empty(), "a record without JA4: {line}");
        let mut books = self.books();
        let kind =
            sni.strip_suffix(DOMAIN).and_then(|rest| rest.trim_end_matches('.').split_once('.'));
        let Some((_, kind)) = kind else {
            books.counts.others += 1;
            return Ok(());
        };
        if record.get("hello_index").is_some_and(|index| *index != 1) {
            return Ok(());
        }
        if books.excused.contains(sni) {
            return Ok(());
        }
        if !books.waiting.remove(sni) {
            books.wrong(format!("a record too many: {line}"));
            return Ok(());
        }
        books.counts.recorded += 1;
        books.counts.without_syn += u64::from(text("meta_source") != "syn");
        let known = books.fingerprints.entry(kind.to_owned()).or_insert_with(|| ja4.to_owned());
        if *known != ja4 {
            let wrong = format!("{kind} had {known}: {line}");
            books.wrong(wrong);
        }
        Ok(())
    }

    /// The sums of this moment.
    pub(super) fn counts(&self) -> Counts {
        self.books().counts.clone()
    }

    /// The names of hellos that have no record.
    pub(super) fn missing(&self) -> Vec<String> {
        self.books().waiting.iter().cloned().collect()
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn wrong(&mut self, words: String) {
        self.counts.wrong += 1;
        if self.counts.examples.len() < KEPT {
            self.counts.examples.push(words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sni: &str, ja4: &str) -> String {
        format!(r#"{{"sni":"{sni}","ja4":"{ja4}","meta_source":"syn","hello_index":1}}"#)
    }

    #[test]
    fn each_hello_has_one_record_and_each_kind_one_fingerprint() {
        let truth = Truth::default();
        let failed = truth.expect_program("curl");
        truth.excuse(&failed);
        truth.record(&record(&failed, "late")).unwrap();
        let [first, second, third] = [(); 3].map(|()| truth.expect("fast"));
        truth.record(&record(&first, "a")).unwrap();
        assert_eq!((truth.counts().wrong, truth.missing()), (0, vec![second.clone(), third]));
        truth.record(&record(&first, "a")).unwrap();
        assert_eq!(truth.counts().wrong, 1, "twice");
        truth.record(&record(&second, "b")).unwrap();
        assert_eq!(truth.counts().wrong, 2, "another fingerprint");
        truth.record(&record("hostile.invalid", "c")).unwrap();
        assert_eq!((truth.counts().others, truth.counts().recorded), (1, 2));
        assert!(truth.record("{\"sni\":\"x\"").is_err());
    }
}
