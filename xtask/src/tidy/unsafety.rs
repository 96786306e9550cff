//! `unsafe` stays at the edges, and each use says why it is sound.

use super::Finding;
use super::source::Source;

/// Where `unsafe` may stand, each with what needs it.
const EDGES: [(&str, &str); 7] = [
    ("ja4sentinel-ebpf/", "the kernel's helpers and maps"),
    ("ja4sentinel-common/", "types that cross from the kernel byte by byte"),
    ("ja4sentinel/src/capture/", "packet sources are libraries and system calls"),
    ("ja4sentinel/src/output/", "sockets' own system calls"),
    ("ja4sentinel/src/agent/", "signals and privileges are system calls"),
    ("ja4sentinel/src/sandbox/", "users and what maps ask for are system calls"),
    ("tests/src/", "processes and namespaces are system calls"),
];

/// Finds `unsafe` outside of the edges, and `unsafe` without a comment that says why it is sound.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let lines: Vec<&str> = source.text.lines().collect();
    let at_edge = EDGES.iter().any(|(path, _)| source.path.starts_with(path));
    let mut findings = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        // `#[unsafe(no_mangle)]` names an attribute's risk; the edges are enough for it.
        let attribute = source.tokens.get(at + 1).is_some_and(|next| next.text == "(");
        if token.text != "unsafe" {
            continue;
        }
        let finding = |message: &str| Finding {
            path: source.path.clone(),
            line: token.line,
            message: message.to_owned(),
        };
        if !at_edge {
            findings.push(finding(
                "`unsafe` is allowed at the edges only, which xtask/src/tidy/unsafety.rs lists",
            ));
        }
        if !attribute && !is_explained(&lines, token.line) {
            findings.push(finding("`unsafe` without a SAFETY line above it"));
        }
    }
    findings
}

/// Whether a comment with SAFETY (or, for a function, a `# Safety` section) stands on this line or
/// above the statement that this line belongs to.
fn is_explained(lines: &[&str], line: usize) -> bool {
    let says = |text: &str| text.contains("SAFETY:") || text.contains("# Safety");
    let Some((own, above)) =
        lines.get(..line).and_then(|upto| upto.split_last()).filter(|_| line > 0)
    else {
        return false;
    };
    if own.contains("// SAFETY:") {
        return true;
    }
    for text in above.iter().rev().map(|text| text.trim()) {
        if text.starts_with("//") {
            if says(text) {
                return true;
            }
        } else if text.is_empty() || text.ends_with([';', '{', '}']) {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Source::parse(path, text.to_owned()).unwrap()).len()
    }

    const EDGE: &str = "ja4sentinel/src/capture/ebpf.rs";

    #[test]
    fn a_reason_above_the_statement_is_enough() {
        let text = "fn f() {\n    // SAFETY: it is.\n    // Really.\n    let a =\n        unsafe { g() };\n}";
        assert_eq!(found(EDGE, text), 0);
        assert_eq!(found(EDGE, "/// # Safety\n/// None.\n#[inline]\nunsafe fn f() {}"), 0);
        assert_eq!(found(EDGE, "#[unsafe(no_mangle)]\nfn f() {}"), 0);
    }

    #[test]
    fn a_reason_for_something_else_is_not() {
        let text = "fn f() {\n    // SAFETY: it is.\n    unsafe { g() };\n    unsafe { g() };\n}";
        assert_eq!(found(EDGE, text), 1);
        assert_eq!(found(EDGE, "unsafe impl Send for X {}"), 1);
    }

    #[test]
    fn the_core_has_none() {
        let text = "// SAFETY: it is.\nunsafe impl Send for X {}";
        assert_eq!(found("ja4sentinel/src/flow/mod.rs", text), 1);
        assert_eq!(found("ja4sentinel/src/flow/mod.rs", "// unsafe\nfn f() { g(\"unsafe\") }"), 0);
    }
}
