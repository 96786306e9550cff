//! Fewer privileges than root has.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Numbers of capabilities, from `linux/capability.h`.
pub const NET_ADMIN: u32 = 12;
/// See above.
pub const BPF: u32 = 39;
/// `CAP_NET_RAW`.
pub const NET_RAW: u32 = 13;
/// `CAP_PERFMON`.
pub const PERFMON: u32 = 38;
/// As many as there may ever be, for there are 64 bits.
const ALL: std::ops::Range<u32> = 0..64;

/// Header of the `capset` system call.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// Half of its data: capabilities 0 to 31, then 32 to 63.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION: u32 = 0x2008_0522;

/// Calls `work` on a thread of its own that has these capabilities only.
pub fn limited_to<T: Send>(capabilities: &[u32], work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let mut halves = [Half::default(); 2];
    for (half, first) in halves.iter_mut().zip([0, 32]) {
        for capability in capabilities.iter().filter(|one| (first..first + 32).contains(*one)) {
            half.effective |= 1 << (capability - first);
        }
        half.permitted = half.effective;
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let header = Header { version: VERSION, pid: 0 };
            // SAFETY: header and data have the form of this version; pid 0 is this thread, which
            // ends with the closure.
            let failed =
                unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) } != 0;
            if failed { Err(io::Error::last_os_error()) } else { Ok(work()) }
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Lets `command`, started by root, have these capabilities only, and no way to others.
pub fn bounded_to(command: &mut Command, capabilities: &[u32]) {
    let dropped: Vec<u32> = ALL.filter(|one| !capabilities.contains(one)).collect();
    let drop_them = move || {
        for capability in &dropped {
            // SAFETY: takes no pointers. It fails for numbers that the kernel does not know.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, *capability, 0, 0, 0) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls only, and allocates nothing.
    unsafe { command.pre_exec(drop_them) };
}

/// Lets `command` lock so many bytes of memory and no more, which the kernel's tables count as before
/// Linux 5.11. Who has CAP_SYS_RESOURCE may raise it again.
pub fn locking(command: &mut Command, bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    let lower = move || {
        // SAFETY: the kernel reads the limit, which lives until the call returns.
        let failed = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) } != 0;
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: between fork and exec it makes one system call, and allocates nothing.
    unsafe { command.pre_exec(lower) };
}

/// Lets the system call bpf() fail with `error` for `command`, as the seccomp profiles of container
/// runtimes do.
pub fn without_bpf(command: &mut Command, error: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf: 0,
        k,
    };
    let refuse = libc::SECCOMP_RET_ERRNO | error.unsigned_abs();
    let number = u32::try_from(libc::SYS_bpf).unwrap_or_default();
    let is_bpf = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let filter = [
        // The call's number stands first in `struct seccomp_data`.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        libc::sock_filter { jf: 1, ..statement(is_bpf, number) },
        statement(libc::BPF_RET | libc::BPF_K, refuse),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let mut filter = filter;
        let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
        // SAFETY: the program and its four instructions live until the call is over.
        let failed = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
                    != 0
        };
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: between fork and exec it makes system calls only, and allocates nothing.
    unsafe { command.pre_exec(install) };
}

/// A system call that is expected to be refused before it looks at its arguments; its error, if it is
/// one.
pub fn call(number: libc::c_long, arguments: [libc::c_long; 4]) -> Option<i32> {
    let [a, b, c, d] = arguments;
    // SAFETY: numbers and null are no memory of ours: whatever the call is, the kernel finds nothing
    // to read or write behind them.
    let result = unsafe { libc::syscall(number, a, b, c, d) };
    (result == -1).then(|| io::Error::last_os_error().raw_os_error().unwrap_or_default())
}
