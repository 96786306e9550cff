//! What BPF programs cost: the bpf() system call as far as measuring needs it.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::injection::interface_index;

/// Commands of bpf(2).
const PROG_LOAD: i32 = 5;
const PROG_TEST_RUN: i32 = 10;
const LINK_CREATE: i32 = 28;
const ENABLE_STATS: i32 = 32;
/// `BPF_PROG_TYPE_SCHED_CLS`.
const CLASSIFIER: u32 = 3;
/// `BPF_TCX_INGRESS`, where the agent attaches if the kernel has it (Linux 6.6).
const TCX_INGRESS: u32 = 46;

/// Has the kernel measure the run time of all BPF programs, as long as the descriptor is open:
/// whatever happens to this process, it ends with it. Needs Linux 5.8 and CAP_SYS_ADMIN.
pub fn statistics() -> io::Result<OwnedFd> {
    // 0 is `BPF_STATS_RUN_TIME`.
    let mut kind = 0_u32;
    let made = call(ENABLE_STATS, &mut kind)?;
    // SAFETY: the kernel has just opened it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

/// A classifier that lets everything pass, at once: what is left of a measurement when the program's
/// own work is taken away.
#[derive(Debug)]
pub struct EmptyClassifier(OwnedFd);

/// The part of `union bpf_attr` for `BPF_PROG_LOAD` up to what every kernel knows.
#[repr(C)]
struct Load {
    kind: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// The same for `BPF_LINK_CREATE`.
#[repr(C)]
struct Link {
    program: u32,
    interface: u32,
    place: u32,
    flags: u32,
}

/// The same for `BPF_PROG_TEST_RUN`.
#[repr(C)]
struct TestRun {
    program: u32,
    result: u32,
    size_in: u32,
    size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
}

impl EmptyClassifier {
    /// Loads it.
    pub fn load() -> io::Result<Self> {
        // r0 = -1 (TC_ACT_UNSPEC); exit.
        let instructions: [u64; 2] = [0xffff_ffff_0000_00b7, 0x95];
        let license = c"MIT";
        let mut load = Load {
            kind: CLASSIFIER,
            instruction_count: 2,
            instructions: address(&raw const instructions),
            license: address(license.as_ptr()),
            log_level: 0,
            log_size: 0,
            log: 0,
            kernel_version: 0,
            flags: 0,
        };
        let made = call(PROG_LOAD, &mut load)?;
        // SAFETY: the kernel has just opened it, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(made) }))
    }

    /// Has it see what an interface receives, as long as the descriptor is open: the least that anything
    /// at this place can cost. The interface is one of this thread's namespace.
    pub fn attach(&self, interface: &str) -> io::Result<OwnedFd> {
        let interface = interface_index(interface)?;
        let program = self.0.as_raw_fd().cast_unsigned();
        let mut link = Link { program, interface, place: TCX_INGRESS, flags: 0 };
        let made = call(LINK_CREATE, &mut link)?;
        // SAFETY: the kernel has just opened it, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(made) })
    }

    /// Runs it on a frame so many times, and gives the mean time of a run, as the kernel has it.
    pub fn run(&self, frame: &[u8], repeat: u32) -> io::Result<Duration> {
        let mut run = TestRun {
            program: self.0.as_raw_fd().cast_unsigned(),
            result: 0,
            size_in: u32::try_from(frame.len()).unwrap_or(u32::MAX),
            size_out: 0,
            data_in: address(frame.as_ptr()),
            data_out: 0,
            repeat,
            duration: 0,
        };
        call(PROG_TEST_RUN, &mut run)?;
        Ok(Duration::from_nanos(run.duration.into()))
    }
}

fn address<T>(pointer: *const T) -> u64 {
    // Addresses have 64 bits at most.
    pointer.addr() as u64
}

/// `attributes` must be laid out as the command wants it, and what it points to must be there.
fn call<T>(command: i32, attributes: &mut T) -> io::Result<i32> {
    // SAFETY: the attributes are as long as is said; the private callers above fill them with
    // addresses of values that outlive the call.
    let done = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<T>())
    };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    i32::try_from(done).map_err(io::Error::other)
}
