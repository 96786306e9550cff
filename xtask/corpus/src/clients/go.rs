//! Go's own TLS: ALPN only where a server has a name.

use super::Draft;
use super::extension::*;
use crate::random::Random;

const CIPHERS: [u16; 13] = [
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x1301, 0x1302,
    0x1303,
];
const ALGORITHMS: [u16; 10] =
    [0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603];
const GROUPS: [u16; 4] = [29, 23, 24, 25];
const VERSIONS: [u16; 2] = [0x0304, 0x0303];

pub(super) fn draft(name: Option<String>, random: &mut Random) -> Draft {
    let protocols: &[&str] = if name.is_some() { &["h2", "http/1.1"] } else { &[] };
    let mut extensions: Vec<_> = server_name(name.as_ref()).into_iter().collect();
    extensions.extend([status(), groups(&GROUPS), formats(&[0]), algorithms(&ALGORITHMS)]);
    extensions.push(renegotiation());
    if !protocols.is_empty() {
        extensions.push(alpn(protocols));
    }
    extensions.extend([TIMESTAMP, versions(&VERSIONS), key_shares(&[X25519], random)]);
    Draft {
        version: 0x0303,
        ciphers: CIPHERS.to_vec(),
        groups: GROUPS.to_vec(),
        formats: vec![0],
        algorithms: ALGORITHMS.to_vec(),
        versions: VERSIONS.to_vec(),
        alpn: protocols,
        server_name: name,
        extensions,
        is_padded: false,
        has_session: true,
    }
}
