//! TLS around a TCP connection, by rustls.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::super::settings::TlsConfig;
use super::receive;

/// Whom we believe.
pub(super) struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Reads the trusted certificates.
    pub(super) fn load(config: &TlsConfig) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        match &config.ca_file {
            Some(file) => {
                for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
                    let certificate = certificate.map_err(io::Error::other)?;
                    roots.add(certificate).map_err(io::Error::other)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(io::Error::new(ErrorKind::NotFound, "no trusted certificate was found"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

/// A connection in TLS.
pub(super) struct Tls {
    stream: TcpStream,
    session: ClientConnection,
    /// Bytes that the session took and the socket has not yet.
    under_way: usize,
}

impl Tls {
    /// Performs the handshake, within the read and write time-outs of `stream`.
    pub(super) fn connect(mut stream: TcpStream, trust: &Trust, name: &str) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut session =
            ClientConnection::new(Arc::clone(&trust.0), name).map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok(Self { stream, session, under_way: 0 })
    }

    /// Writes from the front of `lines`. After a time-out the next call has to come with the same
    /// lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let session = &mut self.session;
        receive(&mut self.stream, |stream| {
            let length = session.read_tls(stream)?;
            session.process_new_packets().map_err(io::Error::other)?;
            discard(session)?;
            Ok(length)
        })?;
        if self.under_way == 0 {
            self.under_way = session.writer().write(lines)?;
        }
        while session.wants_write() {
            if session.write_tls(&mut self.stream)? == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
        }
        Ok(std::mem::take(&mut self.under_way))
    }
}

/// Reads away what the server said; its farewell is an error.
fn discard(session: &mut ClientConnection) -> io::Result<()> {
    let mut answer = [0; 1024];
    loop {
        match session.reader().read(&mut answer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl Drop for Tls {
    /// Says farewell, so that the server knows that nothing was cut off.
    fn drop(&mut self) {
        self.session.send_close_notify();
        let _ = self.session.write_tls(&mut self.stream);
    }
}
