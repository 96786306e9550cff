//! Real TLS servers: OpenSSL's own, with a certificate made for the occasion.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::netns::Lab;
use crate::process::{Process, find_program, wait_until};

/// Names that the certificate is for, beside every name below.
pub const DOMAIN: &str = "ja4sentinel.test";

/// How long a server may take until it listens.
const READY: Duration = Duration::from_secs(10);
/// How long OpenSSL may take to make or to read a key and a certificate.
const OPENSSL: Duration = Duration::from_secs(30);
/// Socket state LISTEN in /proc/PID/net/tcp (include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// How the server is to behave.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Port to listen on, all addresses of both families.
    pub port: u16,
    /// Highest version: TLS 1.2 when false, TLS 1.3 when true.
    pub tls13: bool,
    /// Groups that it takes, in OpenSSL's names; one that no client sends a key share for, such as
    /// `P-384`, makes it answer with a HelloRetryRequest (RFC 8446 section 4.1.4).
    pub groups: Option<&'static str>,
    /// Whether it writes each handshake message to standard output, in hexadecimal.
    pub trace: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { port: 443, tls13: true, groups: None, trace: false }
    }
}

/// `openssl s_server` in the lab's server namespace; it answers any HTTP request with a page.
#[derive(Debug)]
pub struct TlsServer {
    process: Process,
}

impl TlsServer {
    /// Starts the server and waits until it listens.
    pub fn start(lab: &Lab, settings: &Settings) -> Result<Self> {
        let openssl = find_program("openssl").context("no `openssl` program: install openssl")?;
        let (key, certificate) = certificate(&openssl, &lab.directory())?;
        let mut command = lab.server.command(&openssl);
        command.args(["s_server", "-accept", &format!("*:{}", settings.port), "-www"]);
        command.arg("-key").arg(key).arg("-cert").arg(certificate);
        if !settings.tls13 {
            command.arg("-no_tls1_3");
        }
        if let Some(groups) = settings.groups {
            command.args(["-groups", groups]);
        }
        if settings.trace {
            command.arg("-msg");
        }
        let mut process = Process::spawn(&mut command)?;
        let id = process.id();
        let listens = wait_until(READY, || listens(id, settings.port) || !process.is_running());
        ensure!(listens && process.is_running(), "openssl s_server: {}", process.stderr().trim());
        Ok(Self { process })
    }

    /// What it has written up to now; with [`Settings::trace`], every message it saw.
    pub fn output(&self) -> String {
        self.process.stdout()
    }
}

/// The SHA-256 fingerprint of the server's certificate, `AA:BB:…`, for clients that are to trust it.
pub(crate) fn certificate_fingerprint(lab: &Lab) -> Result<String> {
    let openssl = find_program("openssl").context("no `openssl` program: install openssl")?;
    let mut command = Command::new(openssl);
    command.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]);
    let finished = Process::spawn(command.arg(certificate_file(&lab.directory())))?.finish(OPENSSL);
    let (_, fingerprint) = finished.stdout.trim().split_once('=').context("no fingerprint")?;
    Ok(fingerprint.to_owned())
}

fn certificate_file(directory: &Path) -> PathBuf {
    directory.join("certificate.pem")
}

/// A self-signed certificate for [`DOMAIN`]; made once a directory.
fn certificate(openssl: &Path, directory: &Path) -> Result<(PathBuf, PathBuf)> {
    let (key, certificate) = (directory.join("key.pem"), certificate_file(directory));
    if certificate.exists() {
        return Ok((key, certificate));
    }
    let mut command = Command::new(openssl);
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    command.args(["-nodes", "-days", "2", "-subj", &format!("/CN={DOMAIN}")]);
    command.args(["-addext", &format!("subjectAltName=DNS:{DOMAIN},DNS:*.{DOMAIN}")]);
    command.arg("-keyout").arg(&key).arg("-out").arg(&certificate);
    let finished = Process::spawn(&mut command)?.finish(OPENSSL);
    if !finished.success() {
        bail!("openssl req made no certificate: {}", finished.stderr.trim());
    }
    Ok((key, certificate))
}

/// Whether some socket of the process's network namespace listens on the port. Asked of /proc:
/// connecting would be seen by the server, and perhaps by the agent.
fn listens(process_id: u32, port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        std::fs::read_to_string(format!("/proc/{process_id}/net/{table}"))
            .is_ok_and(|text| text.lines().skip(1).any(|line| is_listener(line, port)))
    })
}

fn is_listener(line: &str, port: u16) -> bool {
    let mut columns = line.split_whitespace().skip(1);
    let (local, _remote, state) = (columns.next(), columns.next(), columns.next());
    let local_port = local.and_then(|local| local.rsplit_once(':')).map(|(_, port)| port);
    state == Some(LISTEN) && local_port == Some(format!("{port:04X}").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_found_by_state_and_port() {
        let listening = "   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 0 0";
        let connected = "   1: 010200C0:01BB 020200C0:9C4E 01 00000000:00000000 00:00000000 0 0";
        assert!(is_listener(listening, 443));
        assert!(!is_listener(listening, 8443));
        assert!(!is_listener(connected, 443));
    }
}
