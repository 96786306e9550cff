//! Java of the days of TLS 1.2: no session of its own, no ALPN.

use super::Draft;
use super::extension::*;

const CIPHERS: [u16; 12] = [
    0xc024, 0xc028, 0x003d, 0xc026, 0xc02a, 0x006b, 0xc00a, 0xc014, 0x0035, 0xc02f, 0x009c, 0x00ff,
];
const ALGORITHMS: [u16; 10] =
    [0x0603, 0x0601, 0x0503, 0x0501, 0x0403, 0x0401, 0x0303, 0x0301, 0x0203, 0x0201];
const GROUPS: [u16; 3] = [23, 24, 25];

pub(super) fn draft(name: Option<String>) -> Draft {
    let mut extensions = vec![groups(&GROUPS), formats(&[0]), algorithms(&ALGORITHMS)];
    extensions.extend(server_name(name.as_ref()));
    extensions.push(MASTER_SECRET);
    Draft {
        version: 0x0303,
        ciphers: CIPHERS.to_vec(),
        groups: GROUPS.to_vec(),
        formats: vec![0],
        algorithms: ALGORITHMS.to_vec(),
        versions: Vec::new(),
        alpn: &[],
        server_name: name,
        extensions,
        is_padded: false,
        has_session: false,
    }
}
