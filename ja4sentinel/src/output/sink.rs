//! What every place that lines go to has in common.

use std::io;

use super::counts::Reason;
use super::file::FileSink;
use super::settings::{SinkConfig, SyslogTransport, TcpConfig};
use super::stdout::Stdout;
use super::tcp::Tcp;
use super::udp::Udp;
use super::unix_socket::UnixSocket;

/// A place that lines go to.
pub(super) trait Sink: Send {
    /// Takes bytes from the front of `lines`, which holds whole lines, except that the first may
    /// have been taken in part by the call before. Opens what has to be open. Returns how many
    /// bytes were taken, at least one.
    ///
    /// # Errors
    /// Says what to do about it.
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble>;

    /// Opens again what was opened by its path.
    fn reopen(&mut self) {}

    /// Whether it is known already that nothing will ever be taken again.
    fn is_closed(&self) -> bool {
        false
    }

    /// Does what the next [`Sink::write`] would do before it writes, as far as that leaves nothing
    /// behind. Says in words what lines would go to.
    ///
    /// # Errors
    /// Nothing can be written at present.
    fn probe(&mut self) -> io::Result<String>;
}

/// Why a sink took nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The reader made no room while the call waited for it; the line goes on where it was.
    Slow,
    /// Not at present; the line goes on where it was.
    Busy(Reason, io::Error),
    /// What was taken of the present line is lost; the whole line is wanted again.
    Lost(Reason, io::Error),
    /// The present line can never be taken.
    Unfit(Reason),
    /// Nothing will ever be taken again.
    Closed,
}

/// The sink that a configuration means; it opens nothing yet.
pub(super) fn sink(config: &SinkConfig) -> Box<dyn Sink> {
    match config {
        SinkConfig::Stdout => Box::new(Stdout::default()),
        SinkConfig::File(config) => Box::new(FileSink::new(config)),
        SinkConfig::UnixSocket(config) => Box::new(UnixSocket::new(config)),
        SinkConfig::Tcp(config) => Box::new(Tcp::new(config)),
        SinkConfig::Syslog(config) => match &config.transport {
            SyslogTransport::Unix(path) => Box::new(UnixSocket::syslog(path.clone())),
            SyslogTransport::Udp(address) => Box::new(Udp::new(address)),
            SyslogTransport::Tcp(address) => Box::new(Tcp::new(&TcpConfig::new(address.clone()))),
        },
    }
}
