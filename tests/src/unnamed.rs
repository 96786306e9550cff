//! Network namespaces without a name: no program is needed to make them, so that they serve in a
//! virtual machine too, and they go with the last who uses them, however that comes.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use anyhow::{Context, Result, ensure};

use crate::netns::inside;

/// A network namespace of its own, as long as this or a process in it lives.
#[derive(Debug)]
pub struct Unnamed {
    file: File,
}

impl Unnamed {
    /// Makes one, with its loopback interface up. Needs root.
    pub fn new() -> Result<Self> {
        // A thread of its own takes the namespace up, and hands out its file.
        let made = std::thread::spawn(|| -> Result<Self> {
            // SAFETY: unshare takes no pointers, and moves this thread only.
            let moved = unsafe { libc::unshare(libc::CLONE_NEWNET) };
            ensure!(moved == 0, "unshare: {} (this needs root)", io::Error::last_os_error());
            set_up("lo").context("lo")?;
            Ok(Self { file: File::open("/proc/thread-self/ns/net")? })
        });
        made.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Calls `work` inside, on a thread of its own. Processes that it starts are inside too.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        inside(&self.file, work)
    }

    /// The namespace's descriptor, for the kernel to move an interface there.
    pub fn descriptor(&self) -> i32 {
        self.file.as_raw_fd()
    }
}

/// Switches an interface of this thread's namespace on.
pub fn set_up(interface: &str) -> io::Result<()> {
    let mut request = request(interface);
    let socket = socket()?;
    let call = |number, request: &mut libc::ifreq| {
        // SAFETY: both calls read the name and read or write the flags of one `ifreq`.
        let failed = unsafe { libc::ioctl(socket.as_raw_fd(), number, &raw mut *request) } != 0;
        if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    call(libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the call before has written this member.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | i16::try_from(libc::IFF_UP).unwrap_or_default();
    call(libc::SIOCSIFFLAGS, &mut request)
}

/// Offloads, by the numbers of the calls that switch them (`linux/ethtool.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// The sender's stack cuts large segments late, or never: `ETHTOOL_STSO`.
    Tso = 0x1f,
    /// The same for what the stack itself can cut: `ETHTOOL_SGSO`.
    Gso = 0x24,
    /// The receiver joins segments as they come: `ETHTOOL_SGRO`.
    Gro = 0x2c,
}

/// Switches an offload of an interface of this thread's namespace.
pub fn switch(interface: &str, offload: Offload, on: bool) -> io::Result<()> {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    /// `SIOCETHTOOL`.
    const ETHTOOL: libc::Ioctl = 0x8946;
    let mut value = Value { command: offload as u32, data: on.into() };
    let mut request = request(interface);
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    let socket = socket()?;
    // SAFETY: the call reads the name of one `ifreq`, and the value that it points to, which lives
    // until the call is over.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), ETHTOOL, &raw mut request) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn request(interface: &str) -> libc::ifreq {
    // SAFETY: all zeros are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(interface.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request
}

fn socket() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}
