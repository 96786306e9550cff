//! A Rust source file as the rules see it: a flat list of tokens, each with its line.
//!
//! Tokens, not text: what stands in a comment or a string is never taken for code.

use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{process, workspace};

/// One token: an identifier, a literal, or one character of punctuation or bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
}

/// How a module of unit tests begins.
const TEST_MODULE: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path below the repository's root, `/` between its parts.
    pub(crate) path: String,
    /// The file's whole text.
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    /// Every `.rs` file of the repository that git tracks or would track.
    pub(crate) fn load_all() -> Result<Vec<Self>> {
        let listed = process::output(Command::new("git").current_dir(workspace::root()).args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
            "*.rs",
        ]))?;
        let mut paths: Vec<&str> = listed.split_terminator('\0').collect();
        paths.sort_unstable();
        paths.dedup();
        paths.retain(|path| workspace::root().join(path).exists());
        paths.into_iter().map(Self::load).collect()
    }

    fn load(path: &str) -> Result<Self> {
        let text = std::fs::read_to_string(workspace::root().join(Path::new(path)))
            .with_context(|| format!("cannot read {path}"))?;
        Self::parse(path, text)
    }

    /// The file at `path` (which need not exist) with this text.
    pub(crate) fn parse(path: &str, text: String) -> Result<Self> {
        let stream = TokenStream::from_str(&text)
            .map_err(|error| anyhow!("{path}:{}: {error}", error.span().start().line))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Ok(Self { path: path.to_owned(), text, tokens })
    }

    /// The tokens without the modules that are compiled for tests only.
    pub(crate) fn without_tests(&self) -> Vec<Token> {
        let mut kept = Vec::new();
        let mut rest = self.tokens.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if TEST_MODULE.iter().zip(rest).filter(|(want, token)| **want == token.text).count()
                == TEST_MODULE.len()
            {
                rest = after_braces(rest);
            } else {
                kept.push(first.clone());
                rest = after;
            }
        }
        kept
    }
}

/// The names directly below the first token: one for `crate::x`, several for `crate::{x, y::z}`.
pub(crate) fn first_names(tokens: &[Token]) -> Vec<(String, usize)> {
    let [_, a, b, rest @ ..] = tokens else { return Vec::new() };
    if a.text != ":" || b.text != ":" {
        return Vec::new();
    }
    let Some(first) = rest.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.text.clone(), first.line)];
    }
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut previous = "";
    for token in rest {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(previous, "{" | ",") => {
                names.push((name.to_owned(), token.line));
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        previous = &token.text;
    }
    names
}

/// What follows the first pair of braces; nothing when there is none.
fn after_braces(tokens: &[Token]) -> &[Token] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            // `mod tests;` has its own file.
            ";" if depth == 0 => {}
            _ => continue,
        }
        if depth == 0 {
            return tokens.get(at + 1..).unwrap_or_default();
        }
    }
    &[]
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let close_line = group.span_close().start().line;
                into.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), into);
                into.push(Token { text: close.to_owned(), line: close_line });
            }
            other => into.push(Token { text: other.to_string(), line }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let text = "// crate::a\nfn f() { /* crate::b */ g(\"crate::c\") }\n";
        let source = Source::parse("x.rs", text.to_owned()).unwrap();
        assert!(source.tokens.iter().all(|token| token.text != "crate"));
        let g = source.tokens.iter().find(|token| token.text == "g").unwrap();
        assert_eq!(g.line, 2);
    }

    #[test]
    fn text_that_is_no_rust_names_file_and_line() {
        let error = Source::parse("x.rs", "fn f() {\n\n\"".to_owned()).unwrap_err();
        assert!(error.to_string().starts_with("x.rs:"), "{error}");
    }
}
