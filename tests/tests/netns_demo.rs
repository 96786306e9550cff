//! `cargo xtask demo` as a whole: what it shows, and that nothing of it is left, however it ends.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::built_binary;
use ja4sentinel_tests::clients;
use ja4sentinel_tests::process::{Process, wait_until};

const DEADLINE: Duration = Duration::from_secs(120);

/// Starts the demo with this agent, by the xtask beside it.
fn demo(agent: &Path) -> Process {
    let xtask = built_binary().expect("the agent").with_file_name("xtask");
    assert!(xtask.is_file(), "xtask is not built: run `cargo xtask test`");
    Process::spawn(Command::new(xtask).args(["demo", "--agent"]).arg(agent)).expect("the demo")
}

/// Whatever bears the name of a lab of this process: namespaces, their files, directories.
fn left_of(process_id: u32) -> Vec<PathBuf> {
    let prefix = format!("ja4s-{process_id}-");
    let places = [PathBuf::from("/run/netns"), PathBuf::from("/etc/netns"), std::env::temp_dir()];
    let entries = places.iter().flat_map(|place| std::fs::read_dir(place).into_iter().flatten());
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
        .collect()
}

#[test]
fn it_shows_every_client_and_leaves_nothing() {
    let demo = demo(&built_binary().expect("the agent"));
    let process_id = demo.id();
    let finished = demo.finish(DEADLINE);
    assert!(finished.success(), "{finished:?}");
    for client in clients::installed().filter(|client| client.kind != clients::Kind::Toolchain) {
        let sni = format!("SNI   {}", client.host());
        assert!(finished.stdout.contains(&sni), "{}: {}", client.name, finished.stdout);
    }
    assert!(finished.stdout.contains("handed"), "{}", finished.stdout);
    assert_eq!(left_of(process_id), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupt_leaves_nothing() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let demo = demo(&built_binary().expect("the agent"));
        let process_id = demo.id();
        // In the middle: the first record is out, clients are running.
        assert!(wait_until(DEADLINE, || demo.stdout().contains("JA4")), "{}", demo.stderr());
        assert!(!left_of(process_id).is_empty(), "the lab is there");
        demo.signal(signal);
        let finished = demo.finish(DEADLINE);
        let code = finished.status.expect("it ended by itself").code();
        assert_eq!(code, Some(128 + signal), "{finished:?}");
        assert_eq!(left_of(process_id), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_failure_leaves_nothing_and_says_why() {
    let demo = demo(Path::new("/nonexistent/ja4sentinel"));
    let process_id = demo.id();
    let finished = demo.finish(DEADLINE);
    assert_eq!(finished.status.and_then(|status| status.code()), Some(1), "{finished:?}");
    assert!(finished.stderr.contains("/nonexistent/ja4sentinel"), "{finished:?}");
    assert_eq!(left_of(process_id), Vec::<PathBuf>::new());
}
