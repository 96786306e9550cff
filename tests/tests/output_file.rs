//! The file and standard output of the program.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

mod output_support;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ja4sentinel::output::{
    Compression, FileConfig, OutputConfig, Outputs, Reason, Rotation, SinkConfig,
};
use output_support::{deliver, numbers, only, soon, wait_until};

fn config(path: &Path) -> OutputConfig {
    OutputConfig::new(SinkConfig::File(FileConfig::new(path.to_owned())))
}

fn read(path: &Path) -> Vec<u64> {
    numbers(&std::fs::read_to_string(path).unwrap_or_default())
}

#[test]
fn a_single_record_is_in_the_file_within_a_second_or_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let outputs = Outputs::start(&[config(&path)]);
    let begin = Instant::now();
    deliver(&outputs, [7]);
    wait_until("it is written", || read(&path) == [7]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert!(only(&outputs.drain(soon())).balanced());
}

#[test]
fn draining_writes_what_lingers_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let mut file = FileConfig::new(path.clone());
    file.flush_interval = Duration::from_secs(3600);
    let outputs = Outputs::start(&[OutputConfig::new(SinkConfig::File(file))]);
    deliver(&outputs, 0..10);
    let begin = Instant::now();
    let counts = outputs.drain(soon());
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(read(&path), Vec::from_iter(0..10));
    assert!(only(&counts).balanced());
    deliver(&outputs, [11]);
    let counts = outputs.counts();
    assert_eq!(only(&counts).dropped_for(Reason::Closed), 1);
    assert!(only(&counts).balanced());
}

#[test]
fn rotation_under_load_loses_and_splits_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let mut file = FileConfig::new(path.clone());
    file.rotation = Rotation { size: Some(1 << 20), keep: 1000, ..Rotation::default() };
    let mut config = OutputConfig::new(SinkConfig::File(file));
    config.queue = 100_000;
    let outputs = Outputs::start(&[config]);
    deliver(&outputs, 0..20_000);
    let counts = outputs.drain(soon());
    assert_eq!(only(&counts).delivered, 20_000);
    let mut all = Vec::new();
    let mut files = 0;
    for number in (1..1000).rev() {
        let rotated = dir.path().join(format!("a.log.{number}"));
        if rotated.exists() {
            assert!(rotated.metadata().unwrap().len() <= 1 << 20);
            all.extend(read(&rotated));
            files += 1;
        }
    }
    all.extend(read(&path));
    assert!(files > 10, "{files}");
    assert_eq!(all, Vec::from_iter(0..20_000));
}

#[test]
fn a_new_configuration_keeps_what_did_not_change_and_drains_what_goes() {
    let dir = tempfile::tempdir().unwrap();
    let [kept, gone, new] = ["kept", "gone", "new"].map(|name| {
        let mut config = config(&dir.path().join(name));
        config.name = name.to_owned();
        config
    });
    let outputs = Outputs::start(&[kept.clone(), gone]);
    deliver(&outputs, 0..100);
    outputs.reconfigure(&[new, kept], soon());
    deliver(&outputs, 100..200);
    let counts = outputs.drain(soon());
    let summary: Vec<_> =
        counts.iter().map(|counts| (counts.output.as_str(), counts.delivered)).collect();
    assert_eq!(summary, [("new", 100), ("kept", 200), ("gone", 100)]);
    assert!(counts.iter().all(|counts| counts.balanced()));
    assert_eq!(read(&dir.path().join("kept")), Vec::from_iter(0..200), "counts and file go on");
    assert_eq!(read(&dir.path().join("gone")), Vec::from_iter(0..100));
    assert_eq!(read(&dir.path().join("new")), Vec::from_iter(100..200));
}

#[test]
fn another_configuration_of_one_file_loses_nothing_and_keeps_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let mut config = config(&path);
    config.queue = 10_000;
    let outputs = Outputs::start(&[config.clone()]);
    for round in 0..20 {
        deliver(&outputs, round * 100..round * 100 + 100);
        config.queue += 1;
        outputs.reconfigure(&[config.clone()], soon());
    }
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced(), "{counts:?}");
    assert_eq!(only(&counts).delivered, 2000, "one sum under one name");
    assert_eq!(read(&path), Vec::from_iter(0..2000));
}

#[test]
fn filters_and_sampling_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let [sampled, filtered] = [3, 1].map(|sample| {
        let mut config = config(&dir.path().join(format!("{sample}")));
        config.name = format!("{sample}");
        config.sample = sample;
        config
    });
    let mut filtered = filtered;
    filtered.filter.ports = Some([8443].into_iter().collect());
    let outputs = Outputs::start(&[sampled, filtered]);
    deliver(&outputs, 0..9);
    let counts = outputs.drain(soon());
    assert_eq!((counts[0].delivered, counts[0].dropped_for(Reason::SampledOut)), (3, 6));
    assert_eq!((counts[1].delivered, counts[1].dropped_for(Reason::FilteredOut)), (0, 9));
    assert_eq!(read(&dir.path().join("3")), [0, 3, 6]);
    assert!(counts.iter().all(|counts| counts.balanced()));
}

#[test]
fn compressed_rotation_under_load_loses_nothing() {
    for (compression, decompress) in
        [(Compression::Gzip, "gzip -dc"), (Compression::Zstd, "zstd -dcq")]
    {
        let dir = tempfile::tempdir().unwrap();
        let mut file = FileConfig::new(dir.path().join("a.log"));
        file.rotation =
            Rotation { size: Some(256 << 10), keep: 1000, compression, ..file.rotation };
        let outputs = Outputs::start(&[OutputConfig::new(SinkConfig::File(file))]);
        deliver(&outputs, 0..5_000);
        let counts = outputs.drain(Instant::now() + Duration::from_secs(30));
        assert!(only(&counts).balanced() && only(&counts).delivered == 5_000, "{counts:?}");
        drop(outputs);
        let suffix = compression.suffix();
        let script =
            format!("for f in $(ls -rv a.log.*{suffix}); do {decompress} $f; done; cat a.log");
        let unpacked = Command::new("sh").args(["-c", &script]).current_dir(&dir).output().unwrap();
        let text = String::from_utf8(unpacked.stdout).unwrap();
        let said = String::from_utf8_lossy(&unpacked.stderr);
        assert_eq!(numbers(&text), Vec::from_iter(0..5_000), "{decompress}: {said}");
    }
}

/// Not a test by itself: the process that the two tests below look at.
#[test]
#[ignore = "is started by the tests of standard output"]
fn child_that_writes_to_standard_output() {
    let outputs = Outputs::start(&[OutputConfig::new(SinkConfig::Stdout)]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut number = 0;
    let closed = || {
        let moment = Duration::from_millis(1);
        runtime.block_on(async { tokio::time::timeout(moment, outputs.all_closed()).await.is_ok() })
    };
    while !closed() {
        deliver(&outputs, [number]);
        number += 1;
        if std::env::var("RECORDS").is_ok_and(|count| count == number.to_string()) {
            break;
        }
    }
    let counts = outputs.drain(soon());
    assert!(only(&counts).balanced(), "{counts:?}");
    // Past the test runner's own report, which would go to the closed pipe.
    std::process::exit(if only(&counts).dropped_for(Reason::Closed) > 0 { 42 } else { 43 });
}

fn child() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child_that_writes_to_standard_output", "--ignored", "--nocapture"])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

#[test]
fn a_reader_of_standard_output_that_leaves_ends_the_output_and_nothing_else() {
    let mut child = child().spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.find(|line| line.as_ref().unwrap().starts_with('{')).unwrap().unwrap();
    assert_eq!(numbers(&first), [0]);
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(42), "all_closed() resolved");
}

#[test]
fn standard_output_gets_every_record_in_order() {
    let output = child().env("RECORDS", "500").output().unwrap();
    assert_eq!(output.status.code(), Some(43));
    let text = String::from_utf8(output.stdout).unwrap();
    let records: String = text
        .lines()
        .filter(|line| line.starts_with('{'))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(numbers(&records), Vec::from_iter(0..500));
}
