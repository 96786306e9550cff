//! Lines of an `expected.tsv`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// One line, its cells by the names of their columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Row(HashMap<String, String>);

/// What a line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// This fingerprint.
    Asserted,
    /// A fingerprint, whose value is disputed or left open.
    Unasserted,
    /// No fingerprint.
    Nothing,
    /// A transport that is not ours.
    OutOfScope,
}

impl Row {
    /// The cell of that column; `None` when it is absent, empty, or a dash.
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str).filter(|cell| !cell.is_empty() && *cell != "-")
    }

    /// The cell of that column, maybe empty; `None` when there is no such column.
    pub(super) fn raw(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// The name of its capture.
    pub(super) fn capture(&self) -> Result<&str> {
        self.cell("pcap").or_else(|| self.cell("file")).context("a line without capture")
    }

    /// Which hello between the same ends, from 1.
    pub(super) fn index(&self) -> usize {
        self.cell("hello_index").and_then(|cell| cell.parse().ok()).unwrap_or(1)
    }

    pub(super) fn claim(&self) -> Claim {
        match self.cell("transport") {
            Some("q" | "d") => return Claim::OutOfScope,
            Some("t") | None => {}
            Some(_) => return Claim::Nothing,
        }
        let status = self.cell("status").unwrap_or("ok");
        let malformed = ["ext-truncated", "ext-block-short"];
        let features = self.cell("features").unwrap_or_default();
        match status {
            none if none.starts_with("no-fingerprint") => Claim::Nothing,
            "ok" | "xcheck" if !features.split(' ').any(|f| malformed.contains(&f)) => {
                Claim::Asserted
            }
            _ => Claim::Unasserted,
        }
    }
}

/// The lines of a file whose first line names the columns.
pub(super) fn load(path: &Path) -> Result<Vec<Row>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let mut rows = Vec::new();
    for (number, line) in (2..).zip(lines).filter(|(_, line)| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        ensure!(
            cells.len() <= columns.len(),
            "{}:{number}: {} cells, {} columns",
            path.display(),
            cells.len(),
            columns.len()
        );
        let named = columns.iter().zip(cells).map(|(name, cell)| ((*name).into(), cell.into()));
        rows.push(Row(named.collect()));
    }
    Ok(rows)
}

/// The lines of a `transport.tsv`, which lists the hellos of one connection in one line.
pub(super) fn load_transport(path: &Path, capture: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for row in load(path)? {
        let list = |column| row.cell(column).into_iter().flat_map(|cell| cell.split(','));
        for (index, (ja4, ja3)) in (1..).zip(list("ja4_list").zip(list("ja3_list"))) {
            let cells = [
                ("pcap", capture.to_owned()),
                ("src_port", row.cell("src_port").unwrap_or_default().to_owned()),
                ("transport", "t".to_owned()),
                ("hello_index", i32::to_string(&index)),
                ("ja4", ja4.to_owned()),
                ("ja3", ja3.to_owned()),
            ];
            rows.push(Row(cells.map(|(name, cell)| (name.to_owned(), cell)).into()));
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> Row {
        Row(cells.iter().map(|(name, cell)| ((*name).into(), (*cell).into())).collect())
    }

    #[test]
    fn what_a_line_asks_for() {
        for (cells, claim) in [
            (&[("transport", "t"), ("status", "ok")][..], Claim::Asserted),
            (&[("transport", "t"), ("status", "xcheck"), ("features", "psk")], Claim::Asserted),
            (&[("transport", "t")], Claim::Asserted),
            (
                &[("transport", "t"), ("status", "ok"), ("features", "psk ext-truncated")],
                Claim::Unasserted,
            ),
            (&[("transport", "t"), ("status", "impl-deviates")], Claim::Unasserted),
            (&[("transport", "t"), ("status", "no-fingerprint:incomplete")], Claim::Nothing),
            (&[("transport", "sslv2"), ("status", "no-fingerprint:sslv2")], Claim::Nothing),
            (&[("transport", "q"), ("status", "ok")], Claim::OutOfScope),
        ] {
            assert_eq!(row(cells).claim(), claim, "{cells:?}");
        }
    }
}
