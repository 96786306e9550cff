//! Right, missing and wrong, category by category.

use std::collections::{BTreeMap, HashMap};

use crate::corpus::{Truth, Tuple};

/// What was found, set against the truth.
pub(super) struct Report {
    truth: Truth,
    found: HashMap<Tuple, Vec<(String, String)>>,
}

/// One line of the table.
#[derive(Default)]
struct Row {
    connections: u32,
    needed: u32,
    allowed: u32,
    right: u32,
    missing: u32,
    wrong: u32,
    extra: u32,
}

impl Report {
    pub(super) fn new(truth: Truth) -> Self {
        Self { truth, found: HashMap::new() }
    }

    /// Takes one record.
    pub(super) fn record(&mut self, tuple: &Tuple, ja4: &str, ja3: &str) {
        let found = self.found.entry(tuple.clone()).or_default();
        found.push((ja4.to_owned(), ja3.to_owned()));
    }

    /// Prints the table and returns how many hellos are wrong, missing or too many.
    pub(super) fn print(mut self) -> u32 {
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        for (tuple, connections) in &self.truth.0 {
            let Some(first) = connections.first() else { continue };
            let row = rows.entry(&first.category).or_default();
            let needed: u32 = connections.iter().map(|connection| connection.min).sum();
            let allowed: u32 = connections.iter().map(|connection| connection.max).sum();
            let expected: Vec<_> = connections
                .iter()
                .filter_map(|connection| connection.hello.as_ref())
                .map(|lists| (lists.ja4(), lists.ja3()))
                .collect();
            let found = self.found.remove(tuple).unwrap_or_default();
            let right = count(found.iter().filter(|pair| expected.contains(pair)).count());
            row.connections += count(connections.len());
            row.needed += needed;
            row.allowed += allowed;
            row.right += right;
            row.missing += needed.saturating_sub(right);
            row.wrong += count(found.len()) - right;
            row.extra += right.saturating_sub(allowed);
        }
        let unknown = count(self.found.values().map(Vec::len).sum());
        println!(
            "{:<20} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "category", "connections", "needed", "allowed", "right", "missing", "wrong", "extra"
        );
        let mut total = Row::default();
        for (category, row) in &rows {
            line(category, row);
            total.connections += row.connections;
            total.needed += row.needed;
            total.allowed += row.allowed;
            total.right += row.right;
            total.missing += row.missing;
            total.wrong += row.wrong;
            total.extra += row.extra;
        }
        line("total", &total);
        println!("records of connections that the truth does not know: {unknown}");
        total.missing + total.wrong + total.extra + unknown
    }
}

fn line(name: &str, row: &Row) {
    println!(
        "{name:<20} {:>11} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        row.connections, row.needed, row.allowed, row.right, row.missing, row.wrong, row.extra
    );
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
