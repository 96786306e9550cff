//! The core does no I/O, reads no clock, and knows neither tokio nor logging.

use super::Finding;
use super::source::{Source, Token, first_names};

/// The modules of the core, below `ja4sentinel/src/`.
const CORE: [&str; 6] = ["wire", "flow", "hello", "fingerprint", "record", "sensor"];

/// Parts of the standard library that reach outside of the program.
const OUTSIDE: [&str; 6] = ["env", "fs", "io", "os", "process", "thread"];

/// Clocks and sockets: the rest of their modules, durations and addresses, is plain data.
const TYPES: [&str; 8] = [
    "Instant",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "UnixDatagram",
    "UnixStream",
];

/// Crates that belong to the shell.
const CRATES: [&str; 8] = ["anyhow", "aya", "clap", "libc", "log", "pcap", "tokio", "tracing"];

/// Finds each of these in a core module, its tests apart.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if !is_core(&source.path) {
        return Vec::new();
    }
    let tokens = source.without_tests();
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let rest = tokens.get(at..).unwrap_or_default();
        let name = token.text.as_str();
        let starts_path = is(tokens.get(at + 1), ":") && !(at > 0 && is(tokens.get(at - 1), ":"));
        let mut report = |what: &str, line| {
            let message = format!("the core may not use `{what}`: pass values in instead");
            findings.push(Finding { path: source.path.clone(), line, message });
        };
        let of_shell = starts_path && CRATES.contains(&name) && !first_names(rest).is_empty();
        if of_shell || TYPES.contains(&name) {
            report(name, token.line);
        } else if starts_path && name == "std" {
            for (part, line) in first_names(rest) {
                if OUTSIDE.contains(&part.as_str()) {
                    report(&format!("std::{part}"), line);
                }
            }
        }
    }
    findings
}

fn is_core(path: &str) -> bool {
    let Some(inside) = path.strip_prefix("ja4sentinel/src/") else { return false };
    let mut parts = inside.split('/');
    let module = parts.next().unwrap_or_default().trim_end_matches(".rs");
    let tests = inside.split('/').any(|part| part == "tests" || part == "tests.rs");
    CORE.contains(&module) && !tests
}

fn is(token: Option<&Token>, text: &str) -> bool {
    token.is_some_and(|token| token.text == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source::parse(path, text.to_owned()).unwrap();
        check(&source).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn each_way_outside_is_found() {
        let text = "use std::{fmt, fs};\n\
            use std::time::{Duration, Instant};\n\
            use tokio::sync::mpsc;\n\
            fn f() { std::thread::sleep(d); tracing::info!(\"x\"); }\n\
            fn g(a: std::net::TcpStream) {}\n";
        assert_eq!(lines("ja4sentinel/src/flow/table.rs", text), [1, 2, 3, 4, 4, 5]);
    }

    #[test]
    fn plain_data_and_tests_are_fine() {
        let text = "use std::net::IpAddr;\nuse std::time::Duration;\nfn log(process: u8) {}\n\
            #[cfg(test)]\nmod tests { use std::fs; }\n";
        assert!(lines("ja4sentinel/src/flow/table.rs", text).is_empty());
        assert!(lines("ja4sentinel/src/wire/tests/ip.rs", "use std::fs;").is_empty());
        assert!(lines("ja4sentinel/src/capture/mod.rs", "use std::fs;").is_empty());
    }
}
