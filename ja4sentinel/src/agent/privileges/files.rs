//! What of the file system a configuration needs.

use std::env;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::config::{Config, Listen};
use crate::output::{HostPort, OutputConfig, SinkConfig, SyslogTransport};
use crate::sandbox::Files;

/// Folders that hold what concerns everybody. They are not opened as a whole for one file in them.
const SHARED: [&str; 10] =
    ["/", "/dev", "/etc", "/home", "/root", "/run", "/tmp", "/usr", "/var", "/var/tmp"];

/// What the C library reads to look up a name.
const RESOLVER: [&str; 7] = [
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/ld.so.cache",
];
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where it finds modules for that; a static program has them all in it.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Where systems keep the certificates that they trust.
const CERTIFICATES: [&str; 8] = [
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
];
/// Where else, if these say so.
const CERTIFICATE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// What a configuration, read from `file`, needs.
pub(super) fn of(config: &Config, file: Option<&Path>) -> Files {
    let mut files = Files::default();
    // What the metrics say of the process itself.
    files.read.push("/proc/self".into());
    if let Some(file) = file {
        // A reload reads it again, and an editor may have put another file in its place.
        read_anew(file, &mut files);
    }
    for output in &config.outputs {
        add_output(output, &mut files);
    }
    if let Some(Listen::Unix(path)) = &config.metrics {
        files.sockets.push(folder(path));
    }
    if let Some(path) = &config.control {
        let folder = folder(path);
        // If it was made for the socket, it goes with it.
        files.emptied.extend(folder.parent().map(Path::to_owned));
        files.sockets.push(folder);
    }
    files
}

fn add_output(output: &OutputConfig, files: &mut Files) {
    files.written.extend(output.sink.spool().map(|spool| spool.directory.clone()));
    match &output.sink {
        SinkConfig::Stdout | SinkConfig::UnixSocket(_) => {}
        SinkConfig::File(file) => {
            // A device or a pipe is written itself; a file's folder is where it is made anew.
            let is_other = file.path.metadata().is_ok_and(|found| !found.is_file());
            match is_other {
                true => files.appended.push(file.path.clone()),
                false => files.written.push(folder(&file.path)),
            }
        }
        SinkConfig::Tcp(tcp) => {
            add_resolver(&tcp.address, files);
            match tcp.tls.as_ref().map(|tls| &tls.ca_file) {
                None => {}
                Some(Some(file)) => read_anew(file, files),
                Some(None) => {
                    files.read.extend(CERTIFICATES.map(PathBuf::from));
                    let named = CERTIFICATE_VARIABLES.iter().filter_map(env::var_os);
                    files.read.extend(named.map(PathBuf::from));
                }
            }
        }
        SinkConfig::Syslog(syslog) => match &syslog.transport {
            SyslogTransport::Unix(_) => {}
            SyslogTransport::Udp(address) | SyslogTransport::Tcp(address) => {
                add_resolver(address, files);
            }
        },
    }
}

/// What looking up a host's name reads; an address needs nothing.
fn add_resolver(address: &HostPort, files: &mut Files) {
    if address.host.parse::<IpAddr>().is_ok() {
        return;
    }
    files.read.extend(RESOLVER.map(PathBuf::from));
    // Networks come and go, and this file is replaced: only its folder stays. Where it is no link
    // to elsewhere that is /etc, whose files' modes go on to be heeded.
    let real = Path::new(RESOLV_CONF).canonicalize().unwrap_or_else(|_| RESOLV_CONF.into());
    files.read.push(folder(&real));
    if cfg!(not(target_feature = "crt-static")) {
        files.read.extend(LIBRARIES.map(PathBuf::from));
    }
}

/// A file that is read whenever it is wanted, and may be another one by then: its folder, by its name
/// and where it really is, unless that is everybody's.
fn read_anew(file: &Path, files: &mut Files) {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    for file in [file, &real] {
        let folder = folder(file);
        let is_shared = folder
            .canonicalize()
            .is_ok_and(|folder| SHARED.iter().any(|shared| Path::new(shared) == folder));
        files.read.push(if is_shared { file.to_owned() } else { folder });
    }
}

/// The folder of a file.
fn folder(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{FileConfig, TcpConfig, TlsConfig};

    fn files(sink: SinkConfig) -> Files {
        let outputs = vec![OutputConfig::new(sink)];
        of(&Config { control: None, outputs, ..Config::default() }, None)
    }

    #[test]
    fn an_output_opens_what_it_needs_and_no_more() {
        let plain = files(SinkConfig::Stdout);
        assert_eq!(plain, Files { read: vec!["/proc/self".into()], ..Files::default() });
        let file = |path: &str| files(SinkConfig::File(FileConfig::new(path.into())));
        assert_eq!(file("/var/log/x/a.log").written, [Path::new("/var/log/x")]);
        assert_eq!(file("a.log").written, [Path::new(".")]);
        assert_eq!(file("/dev/null").appended, [Path::new("/dev/null")]);
        let tcp = |address: &str, tls| {
            let address = HostPort::parse(address).unwrap();
            files(SinkConfig::Tcp(TcpConfig { tls, ..TcpConfig::new(address) })).read
        };
        assert_eq!(tcp("192.0.2.1:1", None), plain.read);
        assert!(tcp("logs.example.net:1", None).contains(&"/etc/hosts".into()));
        assert!(tcp("[::1]:1", Some(TlsConfig::default())).contains(&"/etc/ssl/certs".into()));
        let own = TlsConfig { ca_file: Some("/etc/ca.pem".into()), server_name: None };
        assert!(tcp("[::1]:1", Some(own)).contains(&"/etc/ca.pem".into()));
    }

    #[test]
    fn a_configuration_s_folder_stays_readable_unless_it_is_everybody_s() {
        let read = |file: &Path| of(&Config::default(), Some(file)).read;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.yml");
        std::fs::write(&file, "").unwrap();
        assert!(read(&file).contains(&dir.path().to_owned()));
        let shared = read(Path::new("/etc/a.yml"));
        assert!(shared.contains(&"/etc/a.yml".into()) && !shared.contains(&"/etc".into()));
    }
}
