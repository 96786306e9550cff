//! The table in README.md: what has a mark, with the rivals beside it.

use std::fs;

use anyhow::{Context, Result};

use super::figure::Figure;
use super::machine::Machine;
use super::table;
use crate::workspace;

/// Between these lines the table stands.
const BEGIN: &str = "<!-- table of `cargo xtask bench --readme` -->\n";
const END: &str = "<!-- end of the table -->\n";

/// Puts it there.
pub(super) fn write(machine: &Machine, figures: &[Figure]) -> Result<()> {
    let path = workspace::root().join("README.md");
    let readme = fs::read_to_string(&path)?;
    let table = format!("{machine}\n{}", table::markdown(&marked(figures)));
    let readme = replaced(&readme, &table)
        .with_context(|| format!("{} has no place for the table", path.display()))?;
    fs::write(&path, readme).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// All figures of the things that the agent has a mark for.
fn marked(figures: &[Figure]) -> Vec<Figure> {
    let has_mark = |what: &str| figures.iter().any(|f| f.what == what && f.mark.is_some());
    figures.iter().filter(|figure| has_mark(&figure.what)).cloned().collect()
}

fn replaced(readme: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_table_changes() {
        let readme = format!("a\n{BEGIN}old\n{END}b\n");
        assert_eq!(replaced(&readme, "new\n").unwrap(), format!("a\n{BEGIN}new\n{END}b\n"));
        assert_eq!(replaced("no place", "new\n"), None);
    }

    #[test]
    fn the_readme_has_a_place() {
        let readme = fs::read_to_string(workspace::root().join("README.md")).unwrap();
        assert!(replaced(&readme, "").is_some());
    }
}
