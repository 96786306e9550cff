//! Standard output.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::counts::Reason;
use super::sink::{Sink, Trouble};

/// Standard output, written without the line buffer of [`io::stdout`]. A reader that stops reading
/// blocks this output's thread, and nothing else.
#[derive(Default)]
pub(super) struct Stdout {
    file: Option<File>,
}

impl Sink for Stdout {
    fn write(&mut self, lines: &[u8]) -> Result<usize, Trouble> {
        let result = match &mut self.file {
            Some(file) => file.write(lines),
            None => io::stdout()
                .as_fd()
                .try_clone_to_owned()
                .map(File::from)
                .and_then(|file| self.file.insert(file).write(lines)),
        };
        match result {
            Ok(0) => Err(Trouble::Busy(Reason::WriteFailed, ErrorKind::WriteZero.into())),
            Ok(taken) => Ok(taken),
            Err(error) => Err(match error.kind() {
                ErrorKind::BrokenPipe => Trouble::Closed,
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                    Trouble::Busy(Reason::DiskFull, error)
                }
                ErrorKind::WouldBlock => Trouble::Busy(Reason::QueueFull, error),
                _ => Trouble::Busy(Reason::WriteFailed, error),
            }),
        }
    }

    /// A pipe says so when nobody can read from it any more.
    fn is_closed(&self) -> bool {
        let stdout = io::stdout();
        let mut ends = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        let polled = poll(&mut ends, PollTimeout::ZERO);
        polled.is_ok() && ends[0].revents().is_some_and(|found| found.contains(PollFlags::POLLERR))
    }

    fn probe(&mut self) -> io::Result<String> {
        let kind = File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?.file_type();
        Ok(match kind {
            kind if kind.is_fifo() => "it is a pipe",
            kind if kind.is_file() => "it is a file",
            _ if io::stdout().is_terminal() => "it is a terminal",
            _ => "it is open",
        }
        .to_owned())
    }
}
