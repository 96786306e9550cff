//! A UNIX socket that another program listens on.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::counts::Reason;
use super::settings::{SocketType, UnixSocketConfig};
use super::sink::{Sink, Trouble};

/// A write waits so long for room, so that a reader that stopped cannot hold the thread for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// A connection to the socket, made anew whenever it is lost.
pub(super) struct UnixSocket {
    config: UnixSocketConfig,
    /// Whether a datagram ends with the newline of its line.
    newline: bool,
    connection: Option<Connection>,
}

enum Connection {
    Stream(Socket),
    Datagram(Socket),
}

impl UnixSocket {
    pub(super) fn new(config: &UnixSocketConfig) -> Self {
        Self { config: config.clone(), newline: true, connection: None }
    }

    /// The socket of a syslog server, to which a newline would be part of the message.
    pub(super) fn syslog(path: PathBuf) -> Self {
        Self { config: UnixSocketConfig::new(path), newline: false, connection: None }
    }

    fn connect(&self) -> io::Result<Connection> {
        let open = |kind| {
            let socket = Socket::new(Domain::UNIX, kind, None)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            socket.connect(&SockAddr::unix(&self.config.path)?)?;
            Ok(socket)
        };
        match self.config.socket_type {
            SocketType::Stream => open(Type::STREAM).map(Connection::Stream),
            SocketType::Datagram => open(Type::DGRAM).map(Connection::Datagram),
            SocketType::Auto => match open(Type::STREAM) {
                Err(error) if error.raw_os_error() == Some(libc::EPROTOTYPE) => {
                    open(Type::DGRAM).map(Connection::Datagram)
                }
                stream => stream.map(Connection::Stream),
            },
        }
    }
}

impl Sink for UnixSocket {
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => {
                let connection =
                    self.connect().map_err(|error| Trouble::Lost(Reason::Unreachable, error))?;
                self.connection.insert(connection)
            }
        };
        let result = match connection {
            Connection::Stream(socket) => send(socket, lines),
            Connection::Datagram(socket) => send_each(socket, lines, self.newline),
        };
        if let Err(Trouble::Lost(..)) = result {
            self.connection = None;
        }
        result
    }

    fn probe(&mut self) -> io::Result<String> {
        let reader = match self.connect()? {
            Connection::Stream(_) => "a reader of a stream",
            Connection::Datagram(_) => "a reader of datagrams",
        };
        Ok(format!("{reader} is there"))
    }
}

fn send(socket: &Socket, bytes: &[u8]) -> Result<usize, Trouble> {
    socket.send(bytes).map_err(trouble)
}

/// What the kernel's refusal means; unix(7), send(2).
fn trouble(error: io::Error) -> Trouble {
    match error.raw_os_error() {
        Some(libc::EAGAIN) => Trouble::Slow,
        Some(libc::EMSGSIZE) => Trouble::Unfit(Reason::TooLong),
        Some(libc::ENOBUFS | libc::ENOMEM | libc::EINTR) => Trouble::Busy(Reason::QueueFull, error),
        _ => Trouble::Lost(Reason::Unreachable, error),
    }
}

/// Sends each line as a datagram, until one is not taken.
fn send_each(socket: &Socket, lines: &[u8], newline: bool) -> Result<usize, Trouble> {
    let mut taken = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        match send(socket, if newline { line } else { bare }) {
            Ok(_) => taken += line.len(),
            Err(trouble) if taken == 0 => return Err(trouble),
            Err(_) => break, // met again with the next call
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_means() {
        let trouble = |number| trouble(io::Error::from_raw_os_error(number));
        assert!(matches!(trouble(libc::EAGAIN), Trouble::Slow));
        assert!(matches!(trouble(libc::EMSGSIZE), Trouble::Unfit(Reason::TooLong)));
        for number in [libc::ENOBUFS, libc::ENOMEM, libc::EINTR] {
            assert!(matches!(trouble(number), Trouble::Busy(Reason::QueueFull, _)), "{number}");
        }
        for number in [libc::EPIPE, libc::ECONNRESET, libc::ECONNREFUSED, libc::ENOTCONN] {
            assert!(matches!(trouble(number), Trouble::Lost(Reason::Unreachable, _)), "{number}");
        }
    }
}
