//! Service messages where journald takes them, and where it does not.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::built_binary;
use ja4sentinel_tests::process::{Finished, Process, find_program};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a script of bash with `agent`, in namespaces of its own: what it mounts, and its loopback
/// interface, are seen by nobody else.
fn run(script: &str) -> Finished {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "bash", "-euc", script]).current_dir(directory.path());
    command.env("agent", built_binary().expect("the agent"));
    let finished = Process::spawn(&mut command).expect("unshare").finish(DEADLINE);
    assert!(finished.success(), "{finished:?}");
    finished
}

fn messages(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

/// Starts an agent on the loopback interface with more arguments in `more`, sends it a wrong
/// configuration, and ends it.
const LIFE: &str = r#"
    ip link set lo up
    echo "core: { interface: lo, backend: pcap, $more }" >config.yml
    exec 3>&2
    JOURNAL_STREAM=$stream "$agent" run --config config.yml 2>&3 &
    sleep 2
    echo "core: nonsense" >config.yml
    kill -HUP $!
    sleep 1
    kill -TERM $!
    wait $!
"#;

#[test]
fn journald_gets_each_message_with_its_priority() {
    for program in ["systemd-cat", "journalctl"] {
        assert!(find_program(program).is_some(), "no `{program}` program: install systemd");
    }
    let finished = run(&format!(
        r#"
        mount -t tmpfs tmpfs /run
        mkdir -p /run/systemd/journal /run/log/journal
        for directory in /lib/systemd /usr/lib/systemd; do
            [ -x $directory/systemd-journald ] && journald=$directory/systemd-journald
        done
        $journald >/dev/null 2>&1 &
        daemon=$!
        for try in $(seq 100); do
            [ -S /run/systemd/journal/stdout ] && break
            sleep 0.1
        done
        # What the service manager does: a stream to journald, and its name.
        export more='log_level: info' LIFE='{LIFE}'
        systemd-cat bash -euc 'stream=$(stat -Lc %d:%i /proc/self/fd/2); eval "$LIFE"'
        sleep 1
        journalctl --directory /run/log/journal --output json --no-pager _COMM=ja4sentinel
        kill $daemon
        wait $daemon || true
        "#
    ));
    let entries = messages(&finished.stdout);
    let priority_of = |text: &str| {
        let found = entries.iter().find_map(|entry| {
            let line = entry["MESSAGE"].as_str()?;
            let message: Value = serde_json::from_str(line).expect("the prefix is taken off");
            (message["message"] == text).then(|| entry["PRIORITY"].clone())
        });
        found.unwrap_or_else(|| panic!("no {text} in {entries:#?}"))
    };
    assert_eq!(priority_of("ready"), "6");
    assert_eq!(priority_of("the configuration stays as it was"), "3");
    assert_eq!(priority_of("ended"), "6");
}

#[test]
fn elsewhere_the_priority_stands_only_where_it_is_asked_for() {
    for (more, stream, prefixed) in [
        ("log_level: info", "", false),
        ("log_level: info", "1:2", false),
        ("log_target: stderr", "$(stat -Lc %d:%i /proc/self/fd/2)", false),
        ("log_target: auto", "$(stat -Lc %d:%i /proc/self/fd/2)", true),
        ("log_target: journald", "", true),
    ] {
        let finished = run(&format!("more='{more}'; stream={stream}; {LIFE}"));
        let lines: Vec<&str> = finished.stderr.lines().collect();
        assert!(lines.len() > 3, "{finished:?}");
        for line in lines {
            let bare = line.strip_prefix("<6>").or(line.strip_prefix("<3>"));
            assert_eq!(bare.is_some(), prefixed, "{more}: {line}");
            messages(bare.unwrap_or(line));
        }
    }
}
