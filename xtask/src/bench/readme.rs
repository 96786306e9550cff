//! The table in README.md: above all what has a mark, with the rivals beside it.

use std::fs;

use anyhow::{Context, Result};

use super::figure::Figure;
use super::machine::Machine;
use super::table;
use crate::workspace;

/// Between these lines the table stands.
const BEGIN: &str = "<!-- table of `cargo xtask bench --readme` -->\n";
const END: &str = "<!-- end of the table -->\n";
/// Parts that have rows without a mark which tell as much: what a connection costs that the classifier
/// does not know yet, and that a hello costs the same among many connections.
const WHOLE: [&str; 2] = ["kernel", "scale"];

/// Puts it there.
pub(super) fn write(machine: &Machine, figures: &[Figure]) -> Result<()> {
    let path = workspace::root().join("README.md");
    let readme = fs::read_to_string(&path)?;
    let table = table::whole(machine, &worth_showing(figures));
    let readme = replaced(&readme, &table)
        .with_context(|| format!("{} has no place for the table", path.display()))?;
    fs::write(&path, readme).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// All figures of the things that the agent has a mark for, and of some parts the others, too.
fn worth_showing(figures: &[Figure]) -> Vec<Figure> {
    let has_mark = |what: &str| figures.iter().any(|f| f.what == what && f.mark.is_some());
    let is_worth = |f: &&Figure| WHOLE.contains(&f.part) || has_mark(&f.what);
    figures.iter().filter(is_worth).cloned().collect()
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
