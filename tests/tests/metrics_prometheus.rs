//! Prometheus's own tools read what the metrics server says.

mod metrics_support;

use std::io::Write;
use std::process::{Command, Stdio};

use ja4sentinel::metrics::render;
use ja4sentinel_tests::process::find_program;
use metrics_support::snapshot;

#[test]
fn promtool_finds_nothing_wrong() {
    let promtool = find_program("promtool")
        .unwrap_or_else(|| panic!("promtool is missing: cargo xtask setup --for test"));
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(render(&snapshot()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
}
