//! OpenSSL's clients: curl and Python.

use super::Draft;
use super::extension::*;
use crate::random::Random;

const CURL_CIPHERS: [u16; 31] = [
    0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x009f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x009e,
    0xc024, 0xc028, 0x006b, 0xc023, 0xc027, 0x0067, 0xc00a, 0xc014, 0x0039, 0xc009, 0xc013, 0x0033,
    0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x00ff,
];
const PYTHON_CIPHERS: [u16; 18] = [
    0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc028, 0xc023,
    0xc027, 0x009f, 0x009e, 0x006b, 0x0067, 0x00ff,
];
const ALGORITHMS: [u16; 20] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401,
    0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602,
];
const GROUPS: [u16; 10] = [29, 23, 30, 25, 24, 256, 257, 258, 259, 260];
const FORMATS: [u8; 3] = [0, 1, 2];
const VERSIONS: [u16; 2] = [0x0304, 0x0303];
const CURL_ALPN: &[&str] = &["h2", "http/1.1"];
const PYTHON_ALPN: &[&str] = &["http/1.1"];

/// `encrypt_then_mac` and `post_handshake_auth`, both empty.
const ENCRYPT_THEN_MAC: Extension = (22, Vec::new());
const LATE_AUTHENTICATION: Extension = (49, Vec::new());

pub(super) fn curl(name: Option<String>, random: &mut Random) -> Draft {
    let mut extensions = beginning(name.as_ref());
    extensions.extend([alpn(CURL_ALPN), ENCRYPT_THEN_MAC, MASTER_SECRET, LATE_AUTHENTICATION]);
    extensions.extend(end(random));
    draft(name, &CURL_CIPHERS, CURL_ALPN, extensions, true)
}

pub(super) fn python(name: Option<String>, random: &mut Random) -> Draft {
    let mut extensions = beginning(name.as_ref());
    extensions.extend([NO_TICKET, alpn(PYTHON_ALPN), ENCRYPT_THEN_MAC, MASTER_SECRET]);
    extensions.extend(end(random));
    draft(name, &PYTHON_CIPHERS, PYTHON_ALPN, extensions, false)
}

fn beginning(name: Option<&String>) -> Vec<Extension> {
    let mut extensions: Vec<_> = server_name(name).into_iter().collect();
    extensions.extend([formats(&FORMATS), groups(&GROUPS)]);
    extensions
}

fn end(random: &mut Random) -> [Extension; 4] {
    let shares = key_shares(&[X25519], random);
    [algorithms(&ALGORITHMS), versions(&VERSIONS), psk_modes(), shares]
}

fn draft(
    server_name: Option<String>,
    ciphers: &[u16],
    alpn: &'static [&'static str],
    extensions: Vec<Extension>,
    is_padded: bool,
) -> Draft {
    Draft {
        version: 0x0303,
        ciphers: ciphers.to_vec(),
        groups: GROUPS.to_vec(),
        formats: FORMATS.to_vec(),
        algorithms: ALGORITHMS.to_vec(),
        versions: VERSIONS.to_vec(),
        alpn,
        server_name,
        extensions,
        is_padded,
        has_session: true,
    }
}
