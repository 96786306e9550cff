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
