//! Which of a host's agents this one is: tells a crashed agent's filters from a running one's.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A number that no other running agent has, held as long as this process may have filters. It is the
/// name of a socket without a file, which the kernel frees when the process ends, however that
/// comes. Such names belong to a network namespace, as interfaces do.
#[derive(Debug)]
pub(super) struct Lease {
    number: u16,
    _socket: UnixDatagram,
}

impl Lease {
    /// Agents of one network namespace; two are usual for the moment of an update.
    const AGENTS: u16 = 64;
    /// The upper half of the handles of our filters: "ja". The lower half is the agent's number.
    const HANDLES: u16 = 0x6a61;

    /// `None` when there are that many agents already.
    pub(super) fn take() -> Option<Self> {
        (1..=Self::AGENTS).find_map(Self::take_number)
    }

    fn take_number(number: u16) -> Option<Self> {
        let address = SocketAddr::from_abstract_name(format!("ja4sentinel/agent/{number}")).ok()?;
        Some(Self { number, _socket: UnixDatagram::bind_addr(&address).ok()? })
    }

    /// The two halves of the handle of this agent's filters.
    pub(super) fn handle(&self) -> (u16, u16) {
        (Self::HANDLES, self.number)
    }

    /// Whether a filter with this handle, and one of our names, was left behind by an agent that is
    /// no more. This agent is to have no filter there yet.
    pub(super) fn is_leftover(&self, handle: u32) -> bool {
        let [upper, lower] = [handle >> 16, handle & 0xffff];
        let Ok(number) = u16::try_from(lower) else { return false };
        let is_free = || number == self.number || Self::take_number(number).is_some();
        upper == u32::from(Self::HANDLES) && (1..=Self::AGENTS).contains(&number) && is_free()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_running_agent_has_is_no_leftover() {
        let handle = |lease: &Lease| {
            let (upper, lower) = lease.handle();
            (u32::from(upper) << 16) | u32::from(lower)
        };
        let first = Lease::take().unwrap();
        let second = Lease::take().unwrap();
        assert!(!first.is_leftover(handle(&second)));
        assert!(first.is_leftover(handle(&first)), "left by the one that had the number before");
        let gone = handle(&second);
        drop(second);
        assert!(first.is_leftover(gone));
        for others in [0, 1, 0x8000_0001, gone | 0xffff, gone & 0xffff_0000] {
            assert!(!first.is_leftover(others), "{others:#x}");
        }
    }
}
