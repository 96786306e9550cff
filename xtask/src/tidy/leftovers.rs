//! Nothing half-done stays: no placeholder, no debugging, no test that never runs.

use super::Finding;
use super::source::{Source, Token};

/// Macros that mark what is not done, or that only help while it is being done.
const MACROS: [&str; 3] = ["todo", "unimplemented", "dbg"];

/// Words in comments that do the same. Spelt in two parts, so that this file has none of them.
const MARKS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Finds such macros and marks, and tests that are told to be ignored.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let finding = |line, message| Finding { path: source.path.clone(), line, message };
    let mut findings = Vec::new();
    for pair in source.tokens.windows(2) {
        let [first, second] = pair else { continue };
        if MACROS.contains(&first.text.as_str()) && second.text == "!" {
            findings.push(finding(first.line, format!("`{}!` is left over", first.text)));
        }
    }
    for (at, token) in source.tokens.iter().enumerate() {
        let rest = source.tokens.get(at..).unwrap_or_default();
        if is_ignore(rest) && !is_started_by_name(rest, &source.tokens) {
            findings.push(finding(token.line, "a test that is ignored shows nothing".to_owned()));
        }
    }
    for (at, line) in source.text.lines().enumerate() {
        if let Some(mark) = MARKS.iter().find(|mark| line.contains(*mark)) {
            findings.push(finding(at + 1, format!("{mark}: do it, or write an issue")));
        }
    }
    findings
}

/// Whether these tokens begin `#[ignore]` or `#[ignore = "…"]`.
fn is_ignore(tokens: &[Token]) -> bool {
    matches!(tokens, [hash, bracket, word, ..]
        if hash.text == "#" && bracket.text == "[" && word.text == "ignore")
}

/// Whether another test of the file starts this one as a process, which it has to name for that.
fn is_started_by_name(ignored: &[Token], file: &[Token]) -> bool {
    let mut after = ignored.iter().skip_while(|token| token.text != "fn").skip(1);
    let Some(name) = after.next().map(|token| format!("{:?}", token.text)) else { return false };
    file.iter().any(|token| token.text == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let source = Source::parse("tests/tests/x.rs", text.to_owned()).unwrap();
        check(&source).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn each_kind_is_found() {
        assert_eq!(lines("fn f() { todo!() }"), [1]);
        assert_eq!(lines("fn f() {\n dbg!(1);\n unimplemented!()\n}"), [2, 3]);
        assert_eq!(lines("#[test]\n#[ignore = \"slow\"]\nfn f() {}"), [2]);
        assert_eq!(lines(&format!("fn f() {{}} // {} later", MARKS[0])), [1]);
    }

    #[test]
    fn the_process_of_another_test_is_fine() {
        assert!(lines("#[ignore]\nfn child() {}\nfn f() { run(\"child\") }").is_empty());
        assert_eq!(lines("#[ignore]\nfn child() {}\nfn f() { run(\"other\") }"), [1]);
    }

    #[test]
    fn names_that_only_look_alike_are_fine() {
        assert!(lines("fn todo() { x.ignore(); let dbg = 1 != 2; }").is_empty());
    }
}
