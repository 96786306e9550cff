//! A program that the system does not let call bpf(), as containers and hardened services have it.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes every bpf() of the program that `command` starts, and of all that this starts, fail with
/// `error`, a number as in errno(3).
pub fn deny_bpf(command: &mut Command, error: u16) {
    let filter = filter(error);
    // SAFETY: between fork and exec only system calls are made, on memory that is there already.
    unsafe { command.pre_exec(move || install(&filter)) };
}

/// The number of the system call, compared with that of bpf(): the program is ours, and needs no
/// look at other architectures' numbers.
fn filter(error: u16) -> [libc::sock_filter; 4] {
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let compare = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    let bpf = u32::try_from(libc::SYS_bpf).unwrap_or_default();
    let instruction = |code: u32, jf, k| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: 0,
        jf,
        k,
    };
    [
        // `seccomp_data.nr` stands first.
        instruction(load, 0, 0),
        instruction(compare, 1, bpf),
        instruction(answer, 0, libc::SECCOMP_RET_ERRNO | u32::from(error)),
        instruction(answer, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

/// Puts this thread, and so all that it becomes, under the filter.
fn install(filter: &[libc::sock_filter; 4]) -> io::Result<()> {
    let program = libc::sock_fprog { len: 4, filter: filter.as_ptr().cast_mut() };
    // SAFETY: takes integers only.
    let alone = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: the kernel copies the program, which lives until the call returns.
    let filtered =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if alone == 0 && filtered == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
