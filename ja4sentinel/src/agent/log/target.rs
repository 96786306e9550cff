//! In which form messages are written.

use std::env;
use std::fs::File;
use std::io::{IsTerminal, stderr};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use crate::config::LogTarget;

/// The form of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people at a terminal.
    Text,
    /// JSON.
    Json,
    /// JSON behind the priority, `<6>`, which journald takes off (sd-daemon(3)).
    Journal,
}

/// The form for this target.
pub(super) fn form(target: LogTarget) -> Form {
    let journal = match target {
        LogTarget::Journald => true,
        LogTarget::Stderr => false,
        LogTarget::Auto => goes_to_journal(env::var("JOURNAL_STREAM").ok().as_deref()),
    };
    match journal {
        true => Form::Journal,
        false if stderr().is_terminal() => Form::Text,
        false => Form::Json,
    }
}

/// Whether standard error is the stream that the service manager connected to journald: it names
/// device and inode (systemd.exec(5)).
fn goes_to_journal(stream: Option<&str>) -> bool {
    let metadata = stderr().as_fd().try_clone_to_owned().map(File::from).and_then(|f| f.metadata());
    let own = metadata.map(|stream| format!("{}:{}", stream.dev(), stream.ino()));
    own.is_ok_and(|own| stream == Some(&own))
}
