//! Whether an output could write now, found out without writing.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, faccessat};

use super::settings::{OutputConfig, SpoolConfig};
use super::sink::sink;

/// Opens what the output would open, and lets it go again; nothing is written or made. Says in
/// words what is there. Blocks for `patience` at most.
///
/// # Errors
/// The output could not write at present, or does not answer within `patience`.
pub fn probe(config: &OutputConfig, patience: Duration) -> io::Result<String> {
    // On a thread of its own, since looking up a name takes as long as it likes.
    let (answer, result) = sync_channel(1);
    let config = config.clone();
    std::thread::Builder::new().name("probe".to_owned()).spawn(move || {
        let _ = answer.send(sink(&config.sink).probe());
    })?;
    result.recv_timeout(patience).unwrap_or_else(|_| {
        let words = format!("no answer within {} s", patience.as_secs());
        Err(io::Error::new(ErrorKind::TimedOut, words))
    })
}

/// Whether the spool's directory is there, or can be made, and how many bytes are free for it.
///
/// # Errors
/// It cannot be used.
pub fn probe_spool(config: &SpoolConfig) -> io::Result<u64> {
    let there = config.directory.ancestors().find(|path| path.exists());
    let there = there.unwrap_or(Path::new("."));
    makes_files(there)?;
    free_space(there)
}

/// An error unless this process may make files in the directory.
pub(super) fn makes_files(directory: &Path) -> io::Result<()> {
    if !directory.metadata()?.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    let wanted = AccessFlags::W_OK | AccessFlags::X_OK;
    // As the user that files would be made by, not the one who started the program.
    Ok(faccessat(AT_FDCWD, directory, wanted, AtFlags::AT_EACCESS)?)
}

/// Bytes free on the file system of `directory`.
///
/// # Errors
/// There are none, or the system does not tell.
pub(super) fn free_space(directory: &Path) -> io::Result<u64> {
    let system = statvfs(directory)?;
    let free = system.blocks_available().saturating_mul(system.fragment_size());
    if free == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(free) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{FileConfig, HostPort, SinkConfig, TcpConfig, UnixSocketConfig};
    use std::net::TcpListener;
    use std::os::unix::net::UnixDatagram;

    fn ask(sink: SinkConfig) -> io::Result<String> {
        probe(&OutputConfig::new(sink), Duration::from_secs(10))
    }

    #[test]
    fn a_file_is_judged_and_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let file = |path: &Path| ask(SinkConfig::File(FileConfig::new(path.to_owned())));
        assert!(file(&path).unwrap().starts_with("can be made, "));
        assert!(!path.exists());
        std::fs::write(&path, "x").unwrap();
        assert!(file(&path).unwrap().starts_with("can be appended to, "));
        let missing = file(&dir.path().join("no/a.log")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(file(dir.path()).is_err(), "a directory is no file");
        assert!(file(&path.join("b")).is_err(), "a file is no directory");
    }

    #[test]
    fn peers_are_there_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let socket = || ask(SinkConfig::UnixSocket(UnixSocketConfig::new(path.clone())));
        assert_eq!(socket().unwrap_err().kind(), ErrorKind::NotFound);
        let reader = UnixDatagram::bind(&path).unwrap();
        assert_eq!(socket().unwrap(), "a reader of datagrams is there");
        drop(reader);
        assert_eq!(socket().unwrap_err().kind(), ErrorKind::ConnectionRefused);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = HostPort { host: "127.0.0.1".into(), port };
        let tcp = || ask(SinkConfig::Tcp(TcpConfig::new(address.clone())));
        assert_eq!(tcp().unwrap(), "the server takes connections");
        drop(listener);
        assert_eq!(tcp().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_spool_s_directory_need_not_be_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        let spool = |directory| SpoolConfig { directory, size: 1 };
        let deep = dir.path().join("a/b/c");
        assert!(probe_spool(&spool(deep.clone())).unwrap() > 0);
        assert!(!deep.exists());
        std::fs::write(dir.path().join("a"), "").unwrap();
        assert_eq!(probe_spool(&spool(deep)).unwrap_err().kind(), ErrorKind::NotADirectory);
    }
}
