//! The outputs: whether each could write now.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::{Check, Status};
use crate::output::{self, OutputConfig, SinkConfig, SpoolConfig, SyslogTransport};

/// A peer that takes longer to answer counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// The folders of spools that are not there, and whether they can be made. The agent makes them before it
/// gives anything up.
pub(super) struct Missing<'a>(Vec<(&'a Path, Check)>);

impl<'a> Missing<'a> {
    /// Looks for them.
    pub(super) fn find(outputs: &'a [OutputConfig]) -> Self {
        let spools = outputs.iter().filter_map(|output| Some((output, output.sink.spool()?)));
        let missing = spools.filter(|(_, config)| !config.directory.exists());
        let looked_at = missing.map(|(output, config)| {
            (config.directory.as_path(), spool(&format!("output {}", output.name), config))
        });
        Self(looked_at.collect())
    }
}

/// Probes them all, at the same time.
pub(super) fn check(outputs: &[OutputConfig], missing: &Missing<'_>) -> Vec<Check> {
    let found: Vec<io::Result<String>> = std::thread::scope(|scope| {
        let probes: Vec<_> =
            outputs.iter().map(|output| scope.spawn(|| output::probe(output, PATIENCE))).collect();
        let failed = |_| Err(io::Error::other("the probe failed"));
        probes.into_iter().map(|probe| probe.join().unwrap_or_else(failed)).collect()
    });
    let mut checks = Vec::new();
    let mut ready = 0;
    for (output, found) in outputs.iter().zip(found) {
        let name = format!("output {}", output.name);
        match found {
            Ok(words) => {
                ready += 1;
                checks.push(Check::ok(&name, words));
            }
            Err(error) => {
                let (status, remedy) = trouble(&output.sink, &error);
                checks.push(Check::bad(&name, status, error.to_string(), remedy));
            }
        }
        checks.extend(output.sink.spool().map(|config| {
            let known = missing.0.iter().find(|(path, _)| *path == config.directory);
            known.map_or_else(|| spool(&name, config), |(_, check)| check.clone())
        }));
    }
    if ready == 0 {
        let found = "no output can take a record now";
        let remedy = "make one ready; a second one of type file keeps what the others cannot take";
        checks.push(Check::failed("outputs", found, remedy));
    }
    checks
}

/// How bad it is, and what to do. A peer may come later, and is then found; what is wrong with this
/// host stays so.
fn trouble(sink: &SinkConfig, error: &io::Error) -> (Status, String) {
    let own = |remedy: String| (Status::Failed, remedy);
    let later = |remedy: String| (Status::Warning, remedy);
    match sink {
        SinkConfig::Stdout => own("give the program a standard output".to_owned()),
        SinkConfig::File(file) => {
            let path = file.path.display();
            own(match error.kind() {
                ErrorKind::NotFound => format!("make the directory of {path}"),
                ErrorKind::PermissionDenied => {
                    format!("let the agent's user write {path} and its directory")
                }
                ErrorKind::StorageFull => format!("make room on the file system of {path}"),
                _ => format!("make {path} a file that can be appended to"),
            })
        }
        SinkConfig::UnixSocket(socket) => later(reader(&socket.path.display(), error)),
        SinkConfig::Tcp(tcp) => later(match &tcp.tls {
            None => format!("start the server at {}, or open the way to it", tcp.address),
            Some(_) => format!(
                "start the server at {}, or open the way to it; look at tls_ca and \
                 tls_server_name if it is there",
                tcp.address
            ),
        }),
        SinkConfig::Syslog(syslog) => later(match &syslog.transport {
            SyslogTransport::Unix(path) => reader(&path.display(), error),
            SyslogTransport::Udp(address) | SyslogTransport::Tcp(address) => {
                format!("start the syslog server at {address}, or open the way to it")
            }
        }),
    }
}

/// What to do about the reader of a socket.
fn reader(path: &dyn std::fmt::Display, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => format!("let the agent's user write to {path}"),
        _ => format!("start the program that listens on {path}; until then records wait"),
    }
}

fn spool(output: &str, config: &SpoolConfig) -> Check {
    let name = format!("{output} spool");
    let path = config.directory.display();
    match output::probe_spool(config) {
        Ok(free) if free >= config.size => {
            Check::ok(name, format!("{path} can be used, {} MiB free", free >> 20))
        }
        Ok(free) => Check::warning(
            name,
            format!("{path} has {} of {} MiB", free >> 20, config.size >> 20),
            "make room, or make spool_size smaller",
        ),
        Err(error) => Check::failed(
            name,
            format!("{path} cannot be used: {error}"),
            "let the agent's user make files there, or name another spool_dir",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{FileConfig, UnixSocketConfig};

    fn file(path: &str) -> OutputConfig {
        OutputConfig::new(SinkConfig::File(FileConfig::new(path.into())))
    }

    #[test]
    fn a_reader_that_is_away_is_a_warning_while_another_output_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixSocketConfig::new(dir.path().join("nobody"));
        let socket = OutputConfig::new(SinkConfig::UnixSocket(socket));
        let path = dir.path().join("a.log");
        let statuses = |outputs: &[OutputConfig]| -> Vec<Status> {
            check(outputs, &Missing::find(outputs)).iter().map(|check| check.status).collect()
        };
        let with_file = [socket.clone(), file(path.to_str().unwrap())];
        assert_eq!(statuses(&with_file), [Status::Warning, Status::Ok]);
        assert_eq!(statuses(&[socket]), [Status::Warning, Status::Failed]);
        assert_eq!(statuses(&[file("/nowhere/a.log")]), [Status::Failed, Status::Failed]);
    }

    #[test]
    fn a_spool_without_room_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let status = |size| {
            let directory = dir.path().to_owned();
            spool("output x", &SpoolConfig { directory, size }).status
        };
        assert_eq!(status(1), Status::Ok);
        assert_eq!(status(u64::MAX), Status::Warning);
    }
}
