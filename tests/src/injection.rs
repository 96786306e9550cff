//! Sends frames as they are: through a packet socket, or as a tun interface's own.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One interface of this thread's namespace, to send through.
#[derive(Debug)]
pub struct Injector {
    socket: OwnedFd,
    index: i32,
}

impl Injector {
    /// Opens an interface. Needs CAP_NET_RAW.
    pub fn open(interface: &str) -> io::Result<Self> {
        let index = i32::try_from(interface_index(interface)?).map_err(io::Error::other)?;
        // SAFETY: takes no pointers. Protocol 0: the socket receives nothing.
        let socket =
            unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made, and nobody else has it.
        Ok(Self { socket: unsafe { OwnedFd::from_raw_fd(socket) }, index })
    }

    /// Sends one frame, link header included.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: all zeros are a valid address.
        let mut to: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        to.sll_family = u16::try_from(libc::AF_PACKET).unwrap_or_default();
        to.sll_ifindex = self.index;
        let len = u32::try_from(size_of_val(&to)).unwrap_or_default();
        // SAFETY: frame and address are as long as is said.
        let sent = unsafe {
            let (bytes, to) = (frame.as_ptr().cast(), (&raw const to).cast());
            libc::sendto(self.socket.as_raw_fd(), bytes, frame.len(), 0, to, len)
        };
        if usize::try_from(sent) == Ok(frame.len()) {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Makes a tun interface in this thread's namespace: what is written to the file, an IP packet each
/// time, the interface receives. It goes when the file is closed. Needs CAP_NET_ADMIN.
pub fn tun(name: &str) -> io::Result<File> {
    let file = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all zeros are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let flags = libc::IFF_TUN | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = i16::try_from(flags).unwrap_or_default();
    // SAFETY: TUNSETIFF reads and writes one `ifreq`.
    let failed = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(file) }
}

/// Makes a tun interface that is down say that its packets are of this kind, by the numbers of
/// linux/if_arp.h.
pub fn set_link_type(tun: &File, kind: u16) -> io::Result<()> {
    // linux/if_tun.h: _IOW('T', 205, int).
    const TUNSETLINK: libc::Ioctl = 0x4004_54cd;
    // SAFETY: TUNSETLINK takes a number, no pointer.
    let failed =
        unsafe { libc::ioctl(tun.as_raw_fd(), TUNSETLINK, libc::c_ulong::from(kind)) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The index of an interface of this thread's namespace.
pub(crate) fn interface_index(interface: &str) -> io::Result<u32> {
    let name = std::ffi::CString::new(interface)?;
    // SAFETY: the name ends with a zero byte.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}
