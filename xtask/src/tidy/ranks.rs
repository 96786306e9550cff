//! The agent crate's modules import downward only.

use super::Finding;
use super::source::{Source, Token, first_names};

/// Where the ranked modules lie.
const CRATE: &str = "ja4sentinel/src/";

/// Each top-level module with its rank. A module uses only modules of a lower rank than its own;
/// those that share a rank do not know each other.
const RANKS: [(&str, u8); 16] = [
    ("wire", 0),
    ("flow", 1),
    ("hello", 2),
    ("fingerprint", 3),
    ("record", 4),
    ("sensor", 5),
    ("capture", 6),
    ("output", 6),
    ("sandbox", 6),
    ("config", 7),
    ("metrics", 7),
    ("agent", 8),
    ("doctor", 9),
    ("cli", 10),
    ("fuzz", 10),
    ("main", 11),
];

fn rank(module: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == module).map(|(_, rank)| *rank)
}

/// Finds each path (`crate::x`, `super::…::x`, `ja4sentinel::x`) that leads to a module of the
/// same or a higher rank, and each top-level module that has no rank.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let Some(inside) = source.path.strip_prefix(CRATE) else { return Vec::new() };
    let module = module_path(inside);
    let Some(own) = module.first() else { return Vec::new() }; // lib.rs only declares
    let finding = |line, message| Finding { path: source.path.clone(), line, message };
    let Some(own_rank) = rank(own) else {
        return vec![finding(0, format!("module `{own}` has no rank: add it to {}", file!()))];
    };
    references(&source.tokens, &module)
        .into_iter()
        .filter(|(name, _)| name != own)
        .filter(|(name, _)| rank(name).is_some_and(|rank| rank >= own_rank))
        .map(|(name, line)| {
            finding(line, format!("`{own}` may not use `{name}`: modules import downward only"))
        })
        .collect()
}

/// `wire/decode.rs` is module `["wire", "decode"]`, `wire/mod.rs` is `["wire"]`, `lib.rs` is `[]`.
fn module_path(inside: &str) -> Vec<String> {
    let stem = inside.strip_suffix(".rs").unwrap_or(inside);
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || parts == ["lib"] {
        parts.pop();
    }
    parts
}

/// Every top-level module that the tokens name, with the line.
fn references(tokens: &[Token], module: &[String]) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    // Inline modules deepen `super`; each entry is the brace depth at which one of them opened.
    let mut inline = Vec::new();
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at..).unwrap_or_default();
        match token.text.as_str() {
            "{" => {
                depth += 1;
                if opens_inline_module(tokens, at) {
                    inline.push(depth);
                }
            }
            "}" => {
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
                depth = depth.saturating_sub(1);
            }
            "crate" | "ja4sentinel" => found.extend(first_names(rest)),
            "super" if !continues_path(tokens, at) => {
                let ups = rest.chunks(3).take_while(|step| is_step(step, "super")).count();
                // The last `super` may stand before a name or a group; either way it went up.
                if ups == module.len() + inline.len() {
                    found.extend(first_names(rest.get((ups - 1) * 3..).unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether the brace at `at` belongs to `mod name {`.
fn opens_inline_module(tokens: &[Token], at: usize) -> bool {
    at >= 2 && tokens.get(at - 2).is_some_and(|token| token.text == "mod")
}

/// Whether the token at `at` follows `::`, so that the path began earlier.
fn continues_path(tokens: &[Token], at: usize) -> bool {
    at >= 1 && tokens.get(at - 1).is_some_and(|token| token.text == ":")
}

/// Whether these tokens are `name ::`.
fn is_step(step: &[Token], name: &str) -> bool {
    matches!(step, [first, a, b] if first.text == name && a.text == ":" && b.text == ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source::parse(path, text.to_owned()).unwrap();
        check(&source).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn downward_is_allowed() {
        let text = "use crate::wire::Frame;\nuse crate::{hello, record::Record};\n";
        assert_eq!(lines("ja4sentinel/src/sensor/mod.rs", text), Vec::<usize>::new());
    }

    #[test]
    fn upward_is_found_in_each_form() {
        let text = "use crate::sensor::Sensor;\n\
            use crate::{wire, agent::Agent, flow};\n\
            use super::super::config;\n\
            fn f() { crate::output::g(); }\n";
        assert_eq!(lines("ja4sentinel/src/wire/decode.rs", text), [1, 2, 2, 3, 4]);
    }

    #[test]
    fn super_counts_from_where_it_stands() {
        let inside = "mod tests { use super::super::flow; use super::decode; }\nuse super::hello;";
        assert_eq!(lines("ja4sentinel/src/wire/mod.rs", inside), [1, 2]);
    }

    #[test]
    fn equal_rank_is_no_friend() {
        assert_eq!(lines("ja4sentinel/src/capture/mod.rs", "use crate::output::Sink;"), [1]);
        assert!(lines("ja4sentinel/src/capture/mod.rs", "use crate::capture::Source;").is_empty());
    }

    #[test]
    fn a_module_without_rank_is_found() {
        assert_eq!(lines("ja4sentinel/src/helpers.rs", ""), [0]);
        assert!(lines("ja4sentinel/src/main.rs", "use ja4sentinel::agent;").is_empty());
        assert!(lines("xtask/src/main.rs", "mod tidy;").is_empty());
    }
}
