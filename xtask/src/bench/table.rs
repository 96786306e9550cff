//! The table: on the terminal, as Markdown, and as lines of JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::figure::{Figure, Mark};
use super::machine::Machine;

const HEAD: [&str; 12] = [
    "what", "who", "median", "min", "max", "unit", "runs", "to ours", "right", "wrong", "too many",
    "mark",
];

/// The machine, the table, and what it comes to.
pub(super) fn whole(machine: &Machine, figures: &[Figure]) -> String {
    format!("{machine}\n{}\n{}", markdown(figures), verdict(figures))
}

/// How many marks were reached, and which were not.
fn verdict(figures: &[Figure]) -> String {
    let missed: Vec<_> = figures.iter().filter(|f| f.reached() == Some(false)).collect();
    let marks = figures.iter().filter(|figure| figure.mark.is_some()).count();
    let mut text = format!("Of {marks} marks {} are reached", marks - missed.len());
    for (number, figure) in missed.iter().enumerate() {
        text += if number == 0 { "; missed: " } else { "; " };
        text += &figure.what;
    }
    text + ".\n"
}

/// The table as Markdown that is also easy to read as it stands.
fn markdown(figures: &[Figure]) -> String {
    let mut rows = vec![HEAD.map(str::to_owned)];
    let mut last = "";
    for figure in figures {
        let mut row = cells(figure, figures);
        if figure.what == last
            && let Some(what) = row.first_mut()
        {
            what.clear();
        }
        last = &figure.what;
        rows.push(row);
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let line = |row: &[String]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: String = widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text += &line(row);
        if number == 0 {
            text += &format!("|{rule}\n");
        }
    }
    text
}

fn cells(figure: &Figure, all: &[Figure]) -> [String; HEAD.len()] {
    let score = |of: fn(&super::score::Score) -> String| figure.score.as_ref().map(of);
    let mark = figure.mark.map(|mark| {
        let bound = match mark {
            Mark::AtMost(most) => format!("<= {}", number(most)),
            Mark::AtLeast(least) => format!(">= {}", number(least)),
        };
        let verdict = if figure.reached() == Some(true) { "reached" } else { "MISSED" };
        format!("{bound} {verdict}")
    });
    [
        figure.what.clone(),
        figure.who.clone(),
        number(figure.value.median),
        number(figure.value.min),
        number(figure.value.max),
        figure.unit.to_owned(),
        figure.value.runs.to_string(),
        figure.to_ours(all).map(number).unwrap_or_default(),
        score(|score| format!("{}/{}", score.right, score.needed)).unwrap_or_default(),
        score(|score| score.wrong.to_string()).unwrap_or_default(),
        score(|score| score.extra.to_string()).unwrap_or_default(),
        mark.unwrap_or_default(),
    ]
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Writes `bench.md` and `bench.jsonl`; the latter begins with the machine.
pub(super) fn write(folder: &Path, machine: &Machine, figures: &[Figure]) -> Result<()> {
    let markdown = whole(machine, figures);
    let mut lines = vec![serde_json::to_string(machine)?];
    for figure in figures {
        lines.push(serde_json::to_string(figure)?);
    }
    for (name, text) in [("bench.md", markdown), ("bench.jsonl", lines.join("\n") + "\n")] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::spread::Spread;

    #[test]
    fn numbers_show_three_digits() {
        let shown = [0.0, 0.012, 0.9999, 9.996, 12.34, 99.96, 1234.5].map(number);
        assert_eq!(shown, ["0.000", "0.012", "1.00", "10.0", "12.3", "100", "1234"]);
    }

    #[test]
    fn what_was_missed_is_named() {
        let value = Spread::of([1.0]).unwrap();
        let figure = |what, most| {
            Figure::new("part", what, "one", "s", value).with_mark(Some(Mark::AtMost(most)))
        };
        let all = [figure("this", 2.0), figure("that", 0.5), figure("those", 0.1)];
        assert_eq!(verdict(&all), "Of 3 marks 1 are reached; missed: that; those.\n");
        assert_eq!(verdict(&all[..1]), "Of 1 marks 1 are reached.\n");
    }

    #[test]
    fn what_is_the_same_stands_once() {
        let value = Spread::of([1.0]).unwrap();
        let figure = |who| Figure::new("part", "what", who, "s", value);
        let table = markdown(&[figure("one").with_mark(Some(Mark::AtMost(0.5))), figure("two")]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[2].starts_with("| what | one | 1.00 "), "{table}");
        assert!(lines[2].contains("<= 0.500 MISSED"), "{table}");
        assert!(lines[3].starts_with("|      | two | 1.00 "), "{table}");
    }
}
