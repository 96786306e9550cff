//! A TCP connection, plain or in TLS.

mod tls;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::counts::Reason;
use super::settings::{HostPort, TcpConfig};
use super::sink::{Sink, Trouble};
use tls::{Tls, Trust};

/// A server that does not answer is tried again after this.
const CONNECT: Duration = Duration::from_secs(5);
/// A write waits so long for room, so that a reader that stopped cannot hold the thread for ever.
const PATIENCE: Duration = Duration::from_secs(1);
/// A peer that vanished without a word is found out within this; the kernel's own default is about
/// a quarter of an hour.
const UNANSWERED: Duration = Duration::from_secs(30);

/// A connection to the server, made anew whenever it is lost.
pub(super) struct Tcp {
    config: TcpConfig,
    trust: Option<Trust>,
    connection: Option<Connection>,
}

enum Connection {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

impl Tcp {
    pub(super) fn new(config: &TcpConfig) -> Self {
        Self { config: config.clone(), trust: None, connection: None }
    }

    fn connect(&mut self) -> io::Result<Connection> {
        let HostPort { host, port } = &self.config.address;
        let mut result = Err(io::Error::new(ErrorKind::NotFound, "the name has no address"));
        for address in (host.as_str(), *port).to_socket_addrs()? {
            result = TcpStream::connect_timeout(&address, CONNECT);
            if result.is_ok() {
                break;
            }
        }
        let stream = result?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(UNANSWERED))?;
        socket.set_tcp_user_timeout(Some(UNANSWERED))?;
        let Some(tls) = &self.config.tls else { return Ok(Connection::Plain(stream)) };
        let trust = match &self.trust {
            Some(trust) => trust,
            None => self.trust.insert(Trust::load(tls)?),
        };
        let name = tls.server_name.as_deref().unwrap_or(host);
        stream.set_read_timeout(Some(CONNECT))?;
        Tls::connect(stream, trust, name).map(|tls| Connection::Tls(Box::new(tls)))
    }
}

impl Sink for Tcp {
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble> {
        if self.connection.is_none() {
            let connection =
                self.connect().map_err(|error| Trouble::Lost(Reason::Unreachable, error))?;
            self.connection = Some(connection);
        }
        let result = match &mut self.connection {
            Some(Connection::Plain(stream)) => write_plain(stream, lines),
            Some(Connection::Tls(tls)) => tls.write(lines),
            None => Err(ErrorKind::NotConnected.into()),
        };
        result.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut if is_patience(&error) => Trouble::Slow,
            ErrorKind::Interrupted => Trouble::Slow,
            _ => {
                self.connection = None;
                Trouble::Lost(Reason::Unreachable, error)
            }
        })
    }

    fn probe(&mut self) -> io::Result<String> {
        Ok(match self.connect()? {
            Connection::Plain(_) => "the server takes connections",
            Connection::Tls(_) => "the server takes connections, and is the one meant",
        }
        .to_owned())
    }
}

/// Whether a write waited for room in vain. A connection that the kernel gave up is `ETIMEDOUT`,
/// which has the same kind as a wait that ended on some systems.
fn is_patience(error: &io::Error) -> bool {
    error.raw_os_error() != Some(libc::ETIMEDOUT)
}

fn write_plain(stream: &mut TcpStream, lines: &[u8]) -> io::Result<usize> {
    let mut answer = [0; 1024];
    receive(stream, |stream| stream.read(&mut answer))?;
    stream.write(lines)
}

/// Reads what the server says until it says nothing more, without waiting. A server that has
/// closed is found out so: a write to it would succeed once more and be lost.
fn receive(
    stream: &mut TcpStream,
    mut read: impl FnMut(&mut TcpStream) -> io::Result<usize>,
) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let result = loop {
        match read(stream) {
            Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    stream.set_nonblocking(false)?;
    result
}
