//! Who uses an interface: tells a crashed agent's leftovers from a running agent's filters.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Held as long as this process may have a filter on an interface. It is the name of a socket
/// without a file, which the kernel frees when the process ends, however that comes. Such names
/// belong to a network namespace, as interfaces do.
#[derive(Debug)]
pub(super) struct Lease {
    _socket: UnixDatagram,
}

impl Lease {
    /// `None` when another process has it.
    pub(super) fn take(interface: u32) -> Option<Self> {
        let name = format!("ja4sentinel/tc/{interface}");
        let address = SocketAddr::from_abstract_name(name).ok()?;
        Some(Self { _socket: UnixDatagram::bind_addr(&address).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        const INDEX: u32 = u32::MAX;
        let first = Lease::take(INDEX).unwrap();
        assert!(Lease::take(INDEX).is_none());
        drop(first);
        assert!(Lease::take(INDEX).is_some());
    }
}
