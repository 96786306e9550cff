//! Expected lines against records.

use super::expected::{Claim, Row};
use crate::observed::{Record, unescaped};

/// What came out, over a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    captures: u64,
    right: u64,
    wrong: u64,
    missing: u64,
    extra: u64,
    unasserted: u64,
    nothing: u64,
    out_of_scope: u64,
}

impl Counts {
    /// Hellos that are not as they should be.
    pub(super) fn faults(&self) -> u64 {
        self.wrong + self.missing + self.extra
    }

    /// In the order of the printed table.
    pub(super) fn columns(&self) -> [u64; 9] {
        [
            self.captures,
            self.right + self.wrong + self.missing,
            self.right,
            self.wrong,
            self.missing,
            self.extra,
            self.unasserted,
            self.nothing,
            self.out_of_scope,
        ]
    }
}

/// Compares one capture's lines with its records; gives a line of text for each difference.
pub(super) fn compare(
    rows: &[Row],
    records: &[Record],
    all: bool,
    counts: &mut Counts,
) -> Vec<String> {
    let mut differences = Vec::new();
    let mut explained = vec![false; records.len()];
    counts.captures += 1;
    for row in rows {
        let claim = row.claim();
        match claim {
            Claim::OutOfScope => counts.out_of_scope += 1,
            Claim::Nothing => counts.nothing += 1,
            Claim::Asserted | Claim::Unasserted => {
                let record = find(row, records).inspect(|(at, _)| {
                    if let Some(explained) = explained.get_mut(*at) {
                        *explained = true;
                    }
                });
                let found = match record {
                    Some((_, record)) => fields(row, record),
                    None => vec![format!("no record of {}", row.cell("ja4").unwrap_or("it"))],
                };
                let count = match (claim, record.is_some(), found.is_empty()) {
                    (Claim::Unasserted, ..) => &mut counts.unasserted,
                    (_, false, _) => &mut counts.missing,
                    (_, true, true) => &mut counts.right,
                    (_, true, false) => &mut counts.wrong,
                };
                *count += 1;
                let note = if claim == Claim::Asserted { "" } else { " (not asserted)" };
                if claim == Claim::Asserted || all {
                    let named = |what| format!("{}: {what}{note}", title(row));
                    differences.extend(found.into_iter().map(named));
                }
            }
        }
    }
    for (record, _) in records.iter().zip(explained).filter(|(_, explained)| !explained) {
        counts.extra += 1;
        differences.push(format!(
            "{}:{} to {}:{}: a record that no line explains: {} {}",
            record.src_ip,
            record.src_port,
            record.dst_ip,
            record.dst_port,
            record.transport,
            record.ja4
        ));
    }
    differences
}

/// The record that a line speaks of: of all between its ends, the one with its number.
fn find<'r>(row: &Row, records: &'r [Record]) -> Option<(usize, &'r Record)> {
    let same = |column, value: &str| row.cell(column).is_none_or(|cell| cell == value);
    records
        .iter()
        .enumerate()
        .filter(|(_, record)| {
            same("src_ip", &record.src_ip)
                && same("src_port", &record.src_port.to_string())
                && same("dst_ip", &record.dst_ip)
                && same("dst_port", &record.dst_port.to_string())
        })
        .nth(row.index().saturating_sub(1))
}

/// Every field of `record` that differs from the line.
fn fields(row: &Row, record: &Record) -> Vec<String> {
    let mut different = Vec::new();
    let mut check = |name: &str, found: &str, wanted: &str| {
        if found != wanted {
            different.push(format!("{name} is {found}, expected {wanted}"));
        }
    };
    for (column, found) in [
        ("transport", &record.transport),
        ("ja4", &record.ja4),
        ("ja4_r", &record.ja4_r),
        ("ja4_o", &record.ja4_o),
        ("ja4_ro", &record.ja4_ro),
        ("ja3", &record.ja3_hash),
        ("ja3_full", &record.ja3),
    ] {
        if let Some(wanted) = row.cell(column) {
            check(column, found, wanted);
        }
    }
    // A line may state one of them once more, as its source has it.
    if let (Some(kind), Some(wanted)) = (row.cell("expected_kind"), row.cell("expected_value")) {
        match kind {
            "ja4" => check(kind, &record.ja4, wanted),
            "ja4_r" => check(kind, &record.ja4_r, wanted),
            "ja4_o" => check(kind, &record.ja4_o, wanted),
            "ja4_ro" => check(kind, &record.ja4_ro, wanted),
            "ja3" => check(kind, &record.ja3_hash, wanted),
            "ja3_full" => check(kind, &record.ja3, wanted),
            other => check("expected_kind", other, "one that is known"),
        }
    }
    if let Some(wanted) = row.raw("sni") {
        let found = unescaped(&record.sni);
        // The lines give each byte as the character of the same number.
        if !found.iter().map(|byte| char::from(*byte)).eq(wanted.chars()) {
            check("sni", &record.sni, wanted);
        }
    }
    if let Some(wanted) = row.raw("alpn") {
        let found: Vec<Vec<u8>> = record.alpn.iter().map(|name| unescaped(name)).collect();
        if found != alpn(wanted) {
            check("alpn", &record.alpn.join(","), wanted);
        }
    }
    different
}

/// Names between commas; one that begins with 0x is given by its hexadecimal digits.
fn alpn(cell: &str) -> Vec<Vec<u8>> {
    if cell.is_empty() {
        return Vec::new();
    }
    cell.split(',')
        .map(|name| match name.strip_prefix("0x") {
            Some(digits) => digits
                .as_bytes()
                .chunks(2)
                .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect(),
            None => name.as_bytes().to_vec(),
        })
        .collect()
}

fn title(row: &Row) -> String {
    let cell = |column| row.cell(column).unwrap_or("*");
    let name = row.cell("name").map(|name| format!("{name}, ")).unwrap_or_default();
    format!(
        "{name}{}:{} to {}:{}, hello {}",
        cell("src_ip"),
        cell("src_port"),
        cell("dst_ip"),
        cell("dst_port"),
        row.index()
    )
}
