//! Files stay short enough to be read in one go.

use super::Finding;
use super::source::Source;

/// Lines of a file, its tests included: about four times what we aim for.
const LIMIT: usize = 600;

/// The same for the kernel side, where each file holds one idea that the verifier has to follow.
const EBPF_LIMIT: usize = 200;

/// Finds a file that is longer than its limit.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let limit = if source.path.starts_with("ja4sentinel-ebpf/") { EBPF_LIMIT } else { LIMIT };
    let lines = source.text.lines().count();
    if lines <= limit {
        return Vec::new();
    }
    let message = format!("{lines} lines, at most {limit} are allowed: split it by idea");
    vec![Finding { path: source.path.clone(), line: 0, message }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, lines: usize) -> usize {
        check(&Source::parse(path, "\n".repeat(lines)).unwrap()).len()
    }

    #[test]
    fn each_limit_holds_to_the_line() {
        assert_eq!(found("ja4sentinel/src/wire/mod.rs", 600), 0);
        assert_eq!(found("ja4sentinel/src/wire/mod.rs", 601), 1);
        assert_eq!(found("ja4sentinel-ebpf/src/main.rs", 200), 0);
        assert_eq!(found("ja4sentinel-ebpf/src/main.rs", 201), 1);
    }
}
