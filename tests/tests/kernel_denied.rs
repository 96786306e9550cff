//! eBPF that the host withholds from the agent: by seccomp, by capabilities, by its user.

#![expect(clippy::unwrap_used, reason = "a test ends where it goes wrong")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use ja4sentinel_tests::agent::built_binary;
use ja4sentinel_tests::fallback::{Obstacle, check};
use ja4sentinel_tests::privilege::{
    BPF, NET_ADMIN, NET_RAW, PERFMON, bounded_to, locking, without_bpf,
};
use ja4sentinel_tests::process::Process;
use tempfile::TempDir;

/// Nobody's, as far as any file of this machine goes.
const USER: u32 = 64_242;
/// How long an agent that cannot start may try.
const PATIENCE: Duration = Duration::from_secs(60);

fn falls_back(prepare: &(dyn Fn(&mut Command) + Sync), why: &str, remedy: &str) {
    let (_folder, binary) = program();
    check(&binary, &Obstacle { prepare, why, remedy }).unwrap();
}

/// The agent where any user may look.
fn program() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let binary = folder.path().join("ja4sentinel");
    std::fs::copy(built_binary().unwrap(), &binary).unwrap();
    (folder, binary)
}

#[test]
fn seccomp_forbids_bpf() {
    let prepare = |command: &mut Command| without_bpf(command, libc::EPERM);
    falls_back(&prepare, "does not permit it", "seccomp");
}

#[test]
fn seccomp_hides_bpf() {
    let prepare = |command: &mut Command| without_bpf(command, libc::ENOSYS);
    falls_back(&prepare, "Function not implemented", "--backend pcap");
}

#[test]
fn no_capability_for_bpf() {
    let prepare = |command: &mut Command| bounded_to(command, &[NET_ADMIN, NET_RAW]);
    falls_back(&prepare, "does not permit it", "CAP_BPF");
}

#[test]
fn no_capability_but_libpcap_s() {
    let prepare = |command: &mut Command| bounded_to(command, &[NET_RAW]);
    falls_back(&prepare, "does not permit it", "CAP_BPF");
}

#[test]
fn locked_memory_is_too_little_for_the_tables_of_older_kernels() {
    let prepare = |command: &mut Command| {
        locking(command, 64 * 1024);
        bounded_to(command, &[BPF, NET_ADMIN, NET_RAW, PERFMON]);
    };
    let (why, remedy) = ("does not permit it", "ulimit -l unlimited");
    if release() < [5, 11] {
        return falls_back(&prepare, why, remedy);
    }
    // There it does not count, and eBPF does its work.
    let (_folder, binary) = program();
    let obstacle = Obstacle { prepare: &prepare, why, remedy };
    let error = format!("{:#}", check(&binary, &obstacle).unwrap_err());
    assert!(error.contains("\"backend\":\"ebpf\""), "{error}");
}

/// The first two numbers of the running kernel's version.
fn release() -> [u32; 2] {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = text.split(['.', '-']).map(|number| number.parse().unwrap());
    [numbers.next().unwrap(), numbers.next().unwrap()]
}

#[test]
fn who_may_do_nothing_is_told_what_either_backend_needs() {
    let (_folder, binary) = program();
    let run = |backend| {
        let mut command = Command::new(&binary);
        command.args(["run", "--interface", "lo", "--ports", "443", "--backend", backend]);
        command.uid(USER).gid(USER);
        let ended = Process::spawn(&mut command).unwrap().finish(PATIENCE);
        assert_eq!(ended.status.unwrap().code(), Some(1), "{backend}: {ended:?}");
        ended.stderr
    };
    for (backend, remedies) in [
        ("auto", &["CAP_BPF", "CAP_NET_RAW"][..]),
        ("ebpf", &["CAP_BPF"]),
        ("pcap", &["CAP_NET_RAW"]),
    ] {
        let said = run(backend);
        assert!(remedies.iter().all(|remedy| said.contains(remedy)), "{backend}: {said}");
    }
}
