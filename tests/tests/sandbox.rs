//! What a confined thread must not do: each is tried, for real, and what it may do as well.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use ja4sentinel::sandbox::{
    Account, Calls, Capability, Files, Landlock, Mode, Plan, SandboxError, State, confine,
    confine_thread,
};
use ja4sentinel_tests::privilege::call;

/// Nobody's, as far as any file of this machine goes.
const USER: u32 = 64_243;

/// Nothing is given up but what a test names.
fn plan() -> Plan {
    Plan { landlock: Mode::Off, seccomp: Mode::Off, ..Plan::default() }
}

/// Tries something on a thread of its own that is confined first.
fn within<T: Send>(plan: &Plan, work: impl FnOnce(State) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let confined = || work(confine_thread(plan).expect("confined"));
        scope.spawn(confined).join().expect("the thread")
    })
}

fn error<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

#[test]
fn the_file_system_is_closed_but_for_what_is_listed() {
    let here = tempfile::tempdir().unwrap();
    let [out, other, read] = ["out", "other", "read"].map(|name| here.path().join(name));
    for folder in [&out, &other, &read] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("old"), "x").unwrap();
    }
    symlink(&other, out.join("away")).unwrap();
    let files = Files { written: vec![out.clone()], read: vec![read.clone()], ..Files::default() };
    let plan = Plan { landlock: Mode::On, files, no_new_privileges: true, ..plan() };
    let refused = Some(libc::EACCES);
    within(&plan, |state| {
        assert!(state.landlock.is_on() && state.no_new_privileges, "{state}");
        // What outputs do.
        let mut file = File::create(out.join("new")).unwrap();
        file.write_all(b"line\n").unwrap();
        fs::rename(out.join("new"), out.join("new.1")).unwrap();
        fs::remove_file(out.join("new.1")).unwrap();
        assert!(fs::read(read.join("old")).is_ok());
        // What they must not, as root or not.
        for path in ["/etc/shadow", "/etc/passwd", "/proc/1/environ", "/sys/kernel/notes"] {
            assert_eq!(error(File::open(path)), refused, "{path}");
        }
        assert_eq!(error(File::open(other.join("old"))), refused);
        assert_eq!(error(fs::write(other.join("old"), "y")), refused);
        assert_eq!(error(fs::write(other.join("new"), "y")), refused);
        assert_eq!(error(fs::write(out.join("away/new"), "y")), refused, "by way of a link");
        assert_eq!(error(fs::write(read.join("old"), "y")), refused);
        assert_eq!(error(fs::remove_file(read.join("old"))), refused);
        assert_eq!(error(fs::create_dir(out.join("folder"))), refused);
        assert_eq!(error(symlink("/etc", out.join("link"))), refused);
        assert_eq!(error(Command::new("/bin/true").spawn()), refused);
        // A thread that it starts is no freer.
        let deeper = std::thread::spawn(|| error(File::open("/etc/passwd"))).join().unwrap();
        assert_eq!(deeper, refused);
    });
    // Nobody else is confined.
    assert!(File::open("/etc/passwd").is_ok());
}

/// System calls that the agent never makes.
const WITHOUT_USE: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_init_module,
    libc::SYS_kexec_load,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_setuid,
    libc::SYS_setresuid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_kill,
    libc::SYS_reboot,
    libc::SYS_linkat,
    libc::SYS_mknodat,
    libc::SYS_seccomp,
];
/// Older forms, which only older architectures have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[libc::SYS_fork, libc::SYS_link, libc::SYS_mknod];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

#[test]
fn system_calls_without_a_use_are_refused() {
    let plan = Plan { seccomp: Mode::On, ..plan() };
    let refused = Some(libc::EPERM);
    let nowhere = [0; 4];
    within(&plan, |state| {
        assert!(state.seccomp);
        for number in WITHOUT_USE.iter().chain(OLDER).copied() {
            assert_eq!(call(number, nowhere), refused, "system call {number}");
        }
        // No program is loaded and no table made any more; an interface is not attached to either.
        let (map_create, prog_load, link_create) = (0, 5, 28);
        for command in [map_create, prog_load, link_create] {
            assert_eq!(call(libc::SYS_bpf, [command, 0, 0, 0]), refused, "bpf command {command}");
        }
        for family in [libc::AF_PACKET, libc::AF_ALG, libc::AF_VSOCK, libc::AF_BLUETOOTH] {
            let raw = [family.into(), libc::SOCK_RAW.into(), 0, 0];
            assert_eq!(call(libc::SYS_socket, raw), refused, "family {family}");
        }
        let fork = [libc::SIGCHLD.into(), 0, 0, 0];
        assert_eq!(call(libc::SYS_clone, fork), refused, "a process");
        assert_eq!(call(libc::SYS_clone3, nowhere), Some(libc::ENOSYS));
        assert_eq!(call(libc::SYS_prctl, [libc::PR_SET_PTRACER.into(), 0, 0, 0]), refused);
        let terminal = libc::TIOCSTI.cast_signed();
        assert_eq!(call(libc::SYS_ioctl, [0, terminal, 0, 0]), refused, "TIOCSTI");
        let code = [0, 4096, libc::PROT_EXEC.into(), 0];
        assert_eq!(call(libc::SYS_mprotect, code), refused, "code");
        assert!(Command::new("/bin/true").spawn().is_err());
        // What the agent does goes on.
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        let inside = std::thread::Builder::new().name("inside".to_owned());
        let deeper = inside.spawn(move || call(libc::SYS_ptrace, nowhere)).unwrap().join().unwrap();
        assert_eq!(deeper, refused, "by a thread of it");
        assert!(File::open("/etc/passwd").is_ok(), "files are not its business");
    });
    let follows = Calls { attach: true, packet_sockets: true };
    within(&Plan { calls: follows, ..plan }, |_| {
        assert_eq!(call(libc::SYS_bpf, [28, 0, 0, 0]), Some(libc::EINVAL), "refused by bpf itself");
        let raw = [libc::AF_PACKET.into(), libc::SOCK_RAW.into(), 0, 0];
        assert_eq!(call(libc::SYS_socket, raw), None);
        assert_eq!(call(libc::SYS_bpf, [5, 0, 0, 0]), refused);
    });
}

#[test]
fn another_user_has_nothing_of_root_s_and_no_way_back() {
    let here = tempfile::tempdir().unwrap();
    fs::set_permissions(here.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let secret = here.path().join("secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let own = here.path().join("own");
    fs::create_dir(&own).unwrap();
    chown(&own, Some(USER), Some(USER)).unwrap();
    let account = Some(Account::find(&USER.to_string()).unwrap());
    for kept in [vec![], vec![Capability::CAP_NET_ADMIN]] {
        let names: Vec<String> = kept.iter().map(ToString::to_string).collect();
        let plan = Plan { account: account.clone(), capabilities: Some(kept), ..plan() };
        within(&plan, |state| {
            assert_eq!((state.user, state.capabilities), (USER, names));
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            assert!(status.contains("\nGroups:\t64243 \n"), "{status}");
            assert!(status.contains("\nCapAmb:\t0000000000000000\n"), "{status}");
            assert_eq!(error(File::open(&secret)), Some(libc::EACCES));
            assert_eq!(error(File::open("/etc/shadow")), Some(libc::EACCES));
            assert_eq!(call(libc::SYS_setuid, [0; 4]), Some(libc::EPERM));
            assert_eq!(call(libc::SYS_setresuid, [0; 4]), Some(libc::EPERM));
            assert_eq!(call(libc::SYS_setgid, [0; 4]), Some(libc::EPERM));
            assert!(File::create(own.join("file")).is_ok());
        });
    }
}

#[test]
fn root_without_capabilities_may_do_little() {
    let here = tempfile::tempdir().unwrap();
    let secret = here.path().join("secret");
    fs::write(&secret, "x").unwrap();
    chown(&secret, Some(USER), Some(USER)).unwrap();
    fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    let plan = Plan { capabilities: Some(Vec::new()), ..plan() };
    within(&plan, |state| {
        assert_eq!((state.user, state.capabilities().as_str()), (0, "none"));
        assert_eq!(error(OpenOptions::new().write(true).open(&secret)), Some(libc::EACCES));
        assert_eq!(call(libc::SYS_sethostname, [0; 4]), Some(libc::EPERM));
    });
}

#[test]
fn what_is_switched_off_changes_nothing() {
    within(&plan(), |state| {
        assert_eq!((state.landlock, state.seccomp), (Landlock::Off, false));
        assert!(!state.no_new_privileges && state.capabilities.len() > 30, "{state}");
        assert!(File::open("/etc/shadow").is_ok());
        let mut child = Command::new("/bin/true").spawn().unwrap();
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn threads_that_would_stay_free_are_an_error() {
    // The test runner has some.
    let refused = confine(&plan()).unwrap_err();
    assert!(matches!(refused, SandboxError::Threads(2..)), "{refused}");
}

#[test]
fn folders_are_compared_by_where_they_really_are() {
    let here = tempfile::tempdir().unwrap();
    let [out, other] = ["out", "other"].map(|name| here.path().join(name));
    for folder in [&out, &other] {
        fs::create_dir(folder).unwrap();
    }
    symlink(&out, here.path().join("same")).unwrap();
    let of = |path: &Path| Files { written: vec![path.to_owned()], ..Files::default() };
    assert!(of(&out).lack(&of(&here.path().join("same"))).is_empty());
    assert!(of(here.path()).lack(&of(&out)).is_empty());
    assert_eq!(of(&out).lack(&of(&other)), [other.as_path()]);
    assert_eq!(of(&out).lack(&of(here.path())), [here.path()]);
}
