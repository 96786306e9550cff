//! Firefox: a fixed order.

use super::Draft;
use super::extension::*;
use crate::encode::{codes, long};
use crate::random::Random;

const CIPHERS: [u16; 17] = [
    0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013,
    0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
];
const ALGORITHMS: [u16; 11] =
    [0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201];
const VERSIONS: [u16; 2] = [0x0304, 0x0303];
const ALPN: &[&str] = &["h2", "http/1.1"];

pub(super) fn draft(name: Option<String>, is_post_quantum: bool, random: &mut Random) -> Draft {
    let mut groups_ = vec![29, 23, 24, 25, 256, 257];
    let mut shares = vec![X25519, SECP256R1];
    if is_post_quantum {
        groups_.insert(0, X25519_MLKEM768.0);
        shares.insert(0, X25519_MLKEM768);
    }
    let mut extensions: Vec<_> = server_name(name.as_ref()).into_iter().collect();
    extensions.extend([MASTER_SECRET, renegotiation(), groups(&groups_), formats(&[0])]);
    extensions.extend([NO_TICKET, alpn(ALPN), status(), delegated()]);
    extensions.push(key_shares(&shares, random));
    extensions.extend([versions(&VERSIONS), algorithms(&ALGORITHMS), psk_modes(), record_limit()]);
    let encrypted = encrypted_hello(3, &[239], random);
    if is_post_quantum {
        extensions.push(encrypted);
    }
    Draft {
        version: 0x0303,
        ciphers: CIPHERS.to_vec(),
        groups: groups_,
        formats: vec![0],
        algorithms: ALGORITHMS.to_vec(),
        versions: VERSIONS.to_vec(),
        alpn: ALPN,
        server_name: name,
        extensions,
        is_padded: !is_post_quantum,
        has_session: true,
    }
}

/// `delegated_credential`, with the algorithms for it.
fn delegated() -> Extension {
    (34, long(&codes(&[0x0403, 0x0503, 0x0603, 0x0203])))
}

/// `record_size_limit`: 16,385 bytes.
fn record_limit() -> Extension {
    (28, vec![0x40, 1])
}
