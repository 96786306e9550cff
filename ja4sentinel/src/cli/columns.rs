//! Text in columns.

/// Lines of cells as text: each column as wide as its widest cell, numbers to the right.
pub(super) fn columns(lines: &[Vec<String>]) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
    };
    let is_number = |cell: &str| cell.bytes().all(|byte| byte.is_ascii_digit());
    let numeric = |column: usize| {
        lines.iter().skip(1).filter_map(|line| line.get(column)).all(|cell| is_number(cell))
    };
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = width(column).unwrap_or(0);
            match numeric(column) {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_to_the_left_numbers_to_the_right() {
        let lines = [["name", "count", "why"], ["a", "1", "-"], ["longer", "12345678", "2 x"]];
        let lines = lines.map(|line| line.map(str::to_owned).to_vec());
        let expected = "name       count  why\na              1  -\nlonger  12345678  2 x\n";
        assert_eq!(columns(&lines), expected);
    }
}
