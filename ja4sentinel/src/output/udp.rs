//! UDP datagrams.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use super::counts::Reason;
use super::settings::HostPort;
use super::sink::{Sink, Trouble};

/// Sends each line, without its newline, as a datagram.
pub(super) struct Udp {
    address: HostPort,
    socket: Option<UdpSocket>,
}

impl Udp {
    pub(super) fn new(address: &HostPort) -> Self {
        Self { address: address.clone(), socket: None }
    }

    fn connect(&self) -> io::Result<UdpSocket> {
        let HostPort { host, port } = &self.address;
        let mut result = Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
        for address in (host.as_str(), *port).to_socket_addrs()? {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            result =
                UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| socket));
            if result.is_ok() {
                break;
            }
        }
        result
    }
}

impl Sink for Udp {
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble> {
        let socket = match &self.socket {
            Some(socket) => socket,
            None => {
                let socket =
                    self.connect().map_err(|error| Trouble::Lost(Reason::Unreachable, error))?;
                self.socket.insert(socket)
            }
        };
        let length = lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| at + 1);
        let line = lines.get(..length).unwrap_or(lines);
        match socket.send(line.strip_suffix(b"\n").unwrap_or(line)) {
            Ok(_) => Ok(length),
            Err(error) => Err(match error.raw_os_error() {
                Some(libc::EMSGSIZE) => Trouble::Unfit(Reason::TooLong),
                Some(libc::ENOBUFS) => Trouble::Busy(Reason::QueueFull, error),
                _ => {
                    self.socket = None; // the name may lead elsewhere by now
                    Trouble::Lost(Reason::Unreachable, error)
                }
            }),
        }
    }

    fn probe(&mut self) -> io::Result<String> {
        let peer = self.connect()?.peer_addr()?;
        Ok(format!("datagrams to {peer} can be sent; whether anyone takes them is not to be known"))
    }
}
