//! The table at the end: what was measured, and whether it may be so.

/// Rows of name, value, bound and verdict.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<[String; 4]>,
    bad: bool,
}

impl Table {
    /// A figure that has no bound.
    pub(super) fn tell(&mut self, name: &str, value: impl ToString) {
        self.rows.push([name.to_owned(), value.to_string(), String::new(), String::new()]);
    }

    /// A figure that must be within a bound.
    pub(super) fn judge(&mut self, name: &str, value: impl ToString, bound: &str, is_well: bool) {
        let verdict = if is_well { "ok" } else { "WRONG" };
        self.bad |= !is_well;
        self.rows.push([name, &value.to_string(), bound, verdict].map(str::to_owned));
    }

    /// Whether every figure is within its bound.
    pub(super) fn is_well(&self) -> bool {
        !self.bad
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["name", "value", "bound", "verdict"].map(str::to_owned);
        let width = |column: usize| {
            let rows = std::iter::once(&head).chain(&self.rows);
            rows.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let [name, value, bound] = [0, 1, 2].map(|column| width(column).unwrap_or_default());
        for [a, b, c, d] in std::iter::once(&head).chain(&self.rows) {
            writeln!(f, "{}", format!("{a:name$}  {b:>value$}  {c:bound$}  {d}").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_row_spoils_the_table() {
        let mut table = Table::default();
        table.tell("hellos", 7);
        table.judge("missing", 0, "= 0", true);
        assert!(table.is_well());
        table.judge("descriptors", 12, "<= 11", false);
        assert!(!table.is_well());
        assert!(table.to_string().ends_with("descriptors     12  <= 11  WRONG\n"), "{table}");
    }
}
