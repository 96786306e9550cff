//! Preambles as a real client sends them: `openssl s_client -starttls` for every protocol that it
//! knows, against servers that say just enough to be asked for TLS.

#![expect(clippy::indexing_slicing, reason = "a test ends where it goes wrong")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ja4sentinel::hello::preamble::{Preamble, Protocol, skip};
use ja4sentinel::hello::{Reading, read};

/// A server's lines: what the client's latest bytes must hold, and the reply.
type Script = &'static [(&'static [u8], &'static [u8])];

/// The name that `openssl s_client` gives to the protocol, ours, and what the server says.
const CASES: [(&str, Protocol, Script); 13] = [
    (
        "smtp",
        Protocol::Starttls,
        &[
            (b"", b"220 x ESMTP\r\n"),
            (b"EHLO", b"250-x\r\n250 STARTTLS\r\n"),
            (b"STARTTLS", b"220 go\r\n"),
        ],
    ),
    (
        "lmtp",
        Protocol::Starttls,
        &[
            (b"", b"220 x LMTP\r\n"),
            (b"LHLO", b"250-x\r\n250 STARTTLS\r\n"),
            (b"STARTTLS", b"220 go\r\n"),
        ],
    ),
    ("pop3", Protocol::Pop3, &[(b"", b"+OK\r\n"), (b"STLS", b"+OK\r\n")]),
    (
        "imap",
        Protocol::Imap,
        &[
            (b"", b"* OK\r\n"),
            (b"CAPABILITY", b"* CAPABILITY IMAP4 STARTTLS\r\n. OK\r\n"),
            (b"STARTTLS", b". OK\r\n"),
        ],
    ),
    ("ftp", Protocol::Ftp, &[(b"", b"220 x\r\n"), (b"AUTH", b"234 go\r\n")]),
    ("xmpp", Protocol::Xmpp, XMPP),
    ("xmpp-server", Protocol::Xmpp, XMPP),
    ("irc", Protocol::Starttls, &[(b"STARTTLS", b":x 670 a :go\r\n")]),
    ("postgres", Protocol::Postgres, &[(b"\x04\xd2\x16\x2f", b"S")]),
    (
        "mysql",
        Protocol::Mysql,
        // Protocol 10, version, thread, salt, capabilities with CLIENT_SSL.
        &[(
            b"",
            b"\x22\0\0\0\x0a5.7\0\x01\0\0\0saltsalt\0\xff\xff\x21\x02\0\0\0\0\0\0\0\0\0\0\0\0",
        )],
    ),
    (
        "nntp",
        Protocol::Starttls,
        &[
            (b"", b"200 x\r\n"),
            (b"CAPABILITIES", b"101 x\r\nSTARTTLS\r\n.\r\n"),
            (b"STARTTLS", b"382 go\r\n"),
        ],
    ),
    (
        "sieve",
        Protocol::Starttls,
        &[(b"", b"\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n"), (b"STARTTLS", b"OK\r\n")],
    ),
    (
        "ldap",
        Protocol::Ldap,
        &[(b"1.3.6.1.4.1.1466.20037", b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0")],
    ),
];

const XMPP: Script = &[
    (
        b"stream:stream",
        b"<?xml version='1.0'?><stream:stream><stream:features>\
          <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
    ),
    (b"<starttls", b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
];

/// Patience with a client that says nothing; it answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends the client with the test.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Everything that the client sends up to a complete ClientHello.
fn client_bytes(protocol: &str, script: Script) -> std::io::Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let _client = Client(
        Command::new("openssl")
            .args(["s_client", "-connect", &address, "-starttls", protocol, "-name", "x.example"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| {
                std::io::Error::other(format!("openssl: {error}; install the package openssl"))
            })?,
    );
    let (mut connection, _) = listener.accept()?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut sent = Vec::new();
    for (expected, reply) in script {
        let from = sent.len();
        while !expected.is_empty() && !holds(&sent[from..], expected) {
            receive(&mut connection, &mut sent)?;
        }
        connection.write_all(reply)?;
    }
    while !ends_in_a_hello(&sent) {
        receive(&mut connection, &mut sent)?;
    }
    Ok(sent)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a complete ClientHello stands at the end, wherever it begins.
fn ends_in_a_hello(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|start| {
        matches!(read(&bytes[start..], &mut Vec::new()), Reading::Hello(found)
            if start + found.end == bytes.len())
    })
}

fn receive(connection: &mut TcpStream, sent: &mut Vec<u8>) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    match connection.read(&mut buffer)? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        len => {
            sent.extend(&buffer[..len]);
            Ok(())
        }
    }
}

#[test]
fn openssl_is_found_behind_every_protocol_that_it_speaks() {
    for (name, protocol, script) in CASES {
        let sent = client_bytes(name, script).unwrap_or_else(|error| panic!("{name}: {error}"));
        let Preamble::Found { len, protocol: found } = skip(&sent) else {
            panic!("{name}: {:?} in {sent:02x?}", skip(&sent));
        };
        assert_eq!(found, protocol, "{name}");
        assert!(matches!(read(&sent[len..], &mut Vec::new()), Reading::Hello(_)), "{name}");
    }
}
