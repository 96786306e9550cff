//! Opening files where others may write too: nothing is followed out of place, and a refusal says
//! what to do.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::unistd::geteuid;

/// Opens the file itself. Whoever may write the folder could put a symbolic link there, and have us
/// write elsewhere with our rights.
pub(super) fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.custom_flags(libc::O_NOFOLLOW).open(path).map_err(|error| explain(error, path))
}

fn explain(error: io::Error, path: &Path) -> io::Error {
    let words = match error.raw_os_error() {
        Some(libc::ELOOP) => {
            "it is a symbolic link, which is not followed: name the file itself".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => {
            let folder = path.parent().unwrap_or(path).display();
            format!(
                "user {} must be able to write it, and to make it anew in {folder}: give the folder \
                 to that user; a folder that the agent did not know at its start needs a restart",
                geteuid()
            )
        }
        _ => return error,
    };
    // Its kind decides what becomes of the records.
    let kind =
        if error.raw_os_error() == Some(libc::ELOOP) { ErrorKind::Other } else { error.kind() };
    io::Error::new(kind, format!("{error}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_is_not_followed_and_the_error_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        std::fs::write(&target, "x").unwrap();
        symlink(&target, &link).unwrap();
        let error = open(OpenOptions::new().append(true), &link).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");
        assert!(open(OpenOptions::new().append(true), &target).is_ok());
        let dangling = dir.path().join("dangling");
        symlink(dir.path().join("made"), &dangling).unwrap();
        assert!(open(OpenOptions::new().append(true).create(true), &dangling).is_err());
        assert!(!dir.path().join("made").exists());
    }
}
