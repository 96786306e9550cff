//! Mistakes in a configuration: where, what was found, what is allowed, what may have been meant.

use std::fmt;
use std::path::PathBuf;

/// Where a value was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration file; both count from 1, columns in characters.
    File {
        /// Line.
        line: u64,
        /// Column.
        column: u64,
    },
    /// In this environment variable.
    Variable(&'static str),
    /// In this command-line flag.
    Flag(&'static str),
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// Path of the key, such as `core.listen_ports` or `outputs[1].params.path`; empty for the
    /// document as a whole.
    pub key: String,
    /// What is wrong, in words: `found 70000`.
    pub wrong: String,
    /// What would be right, in words.
    pub allowed: String,
    /// A key or value that may have been meant.
    pub meant: Option<String>,
}

/// Every mistake of a configuration, in the order file, environment, flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// The configuration file that [`Place::File`] speaks of.
    pub file: Option<PathBuf>,
    /// At least one.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    /// One line a mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.list.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            match (mistake.place, &self.file) {
                (Place::File { line, column }, Some(file)) => {
                    write!(f, "{}:{line}:{column}: ", file.display())?;
                }
                (Place::File { line, column }, None) => write!(f, "line {line}:{column}: ")?,
                (Place::Variable(name), _) => write!(f, "environment variable {name}: ")?,
                (Place::Flag(name), _) => write!(f, "flag {name}: ")?,
            }
            if !mistake.key.is_empty() {
                write!(f, "{}: ", mistake.key)?;
            }
            write!(f, "{}; allowed: {}", mistake.wrong, mistake.allowed)?;
            if let Some(meant) = &mistake.meant {
                write!(f, "; did you mean {meant}?")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// The one of `candidates` that `typed` is most likely a slip of, if any is near enough: one edit
/// for short words, up to three for long ones, or a longer form of it.
pub(super) fn near<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('-', "_");
    let allowance = (typed.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&typed, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowance || (candidate.len() > 2 && typed.starts_with(candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let keys = ["interface", "listen_ports", "log_level"];
        assert_eq!(near("listen_port", keys), Some("listen_ports"));
        assert_eq!(near("listne_ports", keys), Some("listen_ports"));
        assert_eq!(near("Log-Level", keys), Some("log_level"));
        assert_eq!(near("warning", ["error", "warn"]), Some("warn"));
        assert_eq!(near("ports", keys), None);
        assert_eq!(near("x", keys), None);
    }

    #[test]
    fn a_mistake_names_place_key_found_allowed_and_meant() {
        let mistakes = Mistakes {
            file: Some("/etc/a.yml".into()),
            list: vec![
                Mistake {
                    place: Place::File { line: 3, column: 5 },
                    key: "core.listen_prots".into(),
                    wrong: "unknown key".into(),
                    allowed: "listen_ports".into(),
                    meant: Some("listen_ports".into()),
                },
                Mistake {
                    place: Place::Variable("JA4SENTINEL_PORTS"),
                    key: "core.listen_ports".into(),
                    wrong: "found 0".into(),
                    allowed: "a port".into(),
                    meant: None,
                },
            ],
        };
        assert_eq!(
            mistakes.to_string(),
            "/etc/a.yml:3:5: core.listen_prots: unknown key; allowed: listen_ports; did you mean \
             listen_ports?\nenvironment variable JA4SENTINEL_PORTS: core.listen_ports: found 0; \
             allowed: a port"
        );
    }
}
