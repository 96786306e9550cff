//! Fewer privileges than root has.

use std::io;

/// Numbers of capabilities, from `linux/capability.h`.
pub const NET_ADMIN: u32 = 12;
/// See above.
pub const BPF: u32 = 39;
/// `CAP_PERFMON`.
pub const PERFMON: u32 = 38;

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
