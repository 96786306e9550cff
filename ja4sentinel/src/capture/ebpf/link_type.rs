//! What an interface's frames begin with.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use super::error::EbpfError;
use super::object::PROGRAMS;
use crate::capture::Release;

/// Raw IP, as of mobile modems: `linux/if_arp.h`.
const ARPHRD_RAWIP: u16 = 519;

/// The program that reads this interface's frames, by the numbers of `linux/if_arp.h`.
pub(super) fn program_for(name: &Arc<str>) -> Result<&'static str, EbpfError> {
    let [ethernet, raw] = PROGRAMS;
    let kind = link_type(name).map_err(|error| match error.raw_os_error() {
        Some(libc::ENODEV | libc::ENXIO) => EbpfError::NoInterface(Arc::clone(name)),
        _ => EbpfError::system(error),
    })?;
    match kind {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => Ok(ethernet),
        libc::ARPHRD_TUNNEL | libc::ARPHRD_TUNNEL6 | libc::ARPHRD_SIT if shows_outer_headers() => {
            Err(EbpfError::OuterHeaders(Arc::clone(name)))
        }
        libc::ARPHRD_NONE
        | libc::ARPHRD_PPP
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT
        | ARPHRD_RAWIP => Ok(raw),
        kind => Err(EbpfError::LinkType { name: Arc::clone(name), kind }),
    }
}

/// Whether this kernel shows traffic control a tunnel's packets behind their outer headers: it left the
/// place of the link header where it was before they were taken out, until 5.14.
fn shows_outer_headers() -> bool {
    const BARE_SINCE: (u32, u32) = (5, 14);
    Release::of_this_host().version().is_some_and(|version| version < BARE_SINCE)
}

/// The interface's ARPHRD type. (`getifaddrs` leaves out interfaces without any address.)
fn link_type(name: &str) -> io::Result<u16> {
    // Any socket does.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: all zeros are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0; a name that long is none.
    let room = request.ifr_name.len() - 1;
    for (to, from) in request.ifr_name.iter_mut().take(room).zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    // SAFETY: SIOCGIFHWADDR reads the name and writes the address of one `ifreq`.
    let failed = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFHWADDR, &raw mut request) };
    if failed != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has written this field.
    Ok(unsafe { request.ifr_ifru.ifru_hwaddr.sa_family })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_ethernet_headers() {
        assert_eq!(link_type("lo").unwrap(), libc::ARPHRD_LOOPBACK);
        assert_eq!(program_for(&"lo".into()).unwrap(), PROGRAMS[0]);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = program_for(&"no-such-interface-at-all".into()).unwrap_err().to_string();
        assert!(error.contains("no-such-interface-at-all"), "{error}");
        assert!(error.contains("ip link"), "{error}");
    }
}
