//! Where the metrics would be served.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;

use super::Check;
use crate::config::Listen;

/// Whether the address is free; nothing when none is asked for.
pub(super) fn check(listen: Option<&Listen>) -> Option<Check> {
    const NAME: &str = "metrics";
    let listen = listen?;
    let free = match listen {
        Listen::Tcp(address) => TcpListener::bind(address).map(drop),
        Listen::Unix(path) => match UnixStream::connect(path) {
            Ok(_) => Err(io::Error::from(ErrorKind::AddrInUse)),
            Err(_) => path.parent().map_or(Ok(()), |parent| parent.metadata().map(drop)),
        },
    };
    Some(match free {
        Ok(()) => Check::ok(NAME, format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Check::warning(
            NAME,
            format!("{listen} is in use"),
            "nothing, if an agent runs already; else name another address in metrics.listen",
        ),
        Err(error) => Check::failed(
            NAME,
            format!("{listen}: {error}"),
            "name another address or path in metrics.listen",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn an_address_is_free_or_in_use() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = Listen::Tcp(listener.local_addr().unwrap());
        assert_eq!(check(Some(&listen)).unwrap().status, Status::Warning);
        drop(listener);
        assert_eq!(check(Some(&listen)).unwrap().status, Status::Ok);
        let nowhere = Listen::Unix("/nowhere/at/all".into());
        assert_eq!(check(Some(&nowhere)).unwrap().status, Status::Failed);
        assert!(check(None).is_none());
    }
}
