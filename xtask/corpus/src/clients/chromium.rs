//! Chromium: GREASE everywhere, extensions in any order.

use super::Draft;
use super::extension::*;
use crate::encode::{long, short};
use crate::random::Random;

const CIPHERS: [u16; 15] = [
    0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
];
const ALGORITHMS: [u16; 8] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
const ALPN: &[&str] = &["h2", "http/1.1"];

/// Lengths that an encrypted hello is padded to.
const ENCRYPTED: [usize; 4] = [144, 176, 208, 240];

pub(super) fn draft(name: Option<String>, is_post_quantum: bool, random: &mut Random) -> Draft {
    let cipher = grease(random);
    let first = grease(random);
    let last = grease(random);
    let group = grease(random);
    let version = grease(random);
    // The same extension may not come twice.
    let last = match (last == first, last) {
        (true, 0x0a0a) => 0x1a1a,
        (true, _) => 0x0a0a,
        (false, last) => last,
    };
    let (mut groups_, mut shares) = (vec![group], vec![(group, 1)]);
    if is_post_quantum {
        groups_.push(X25519_MLKEM768.0);
        shares.push(X25519_MLKEM768);
    }
    groups_.extend([29, 23, 24]);
    shares.push(X25519);
    let versions_ = vec![version, 0x0304, 0x0303];

    let mut middle: Vec<_> = server_name(name.as_ref()).into_iter().collect();
    middle.extend([MASTER_SECRET, renegotiation(), groups(&groups_), formats(&[0])]);
    middle.push(ticket(random));
    middle.extend([alpn(ALPN), status(), algorithms(&ALGORITHMS), TIMESTAMP]);
    middle.push(key_shares(&shares, random));
    middle.extend([psk_modes(), versions(&versions_), compression(), settings()]);
    if is_post_quantum {
        middle.push(encrypted_hello(1, &ENCRYPTED, random));
    }
    random.shuffle(&mut middle);

    let mut extensions = vec![(first, Vec::new())];
    extensions.append(&mut middle);
    extensions.push((last, vec![0]));
    Draft {
        version: 0x0303,
        ciphers: [[cipher].as_slice(), &CIPHERS].concat(),
        groups: groups_,
        formats: vec![0],
        algorithms: ALGORITHMS.to_vec(),
        versions: versions_,
        alpn: ALPN,
        server_name: name,
        extensions,
        is_padded: !is_post_quantum,
        has_session: true,
    }
}

/// One of the sixteen codes of RFC 8701.
fn grease(random: &mut Random) -> u16 {
    let digit = u16::try_from(random.below(16)).unwrap_or_default();
    0x0a0a | (digit << 12) | (digit << 4)
}

/// `session_ticket`: one client in four has been here before.
fn ticket(random: &mut Random) -> Extension {
    if !random.one_in(4) {
        return NO_TICKET;
    }
    let length = random.within(160..240);
    (NO_TICKET.0, random.bytes(length as usize))
}

/// `compress_certificate`: with Brotli.
fn compression() -> Extension {
    (27, vec![2, 0, 2])
}

/// `application_settings`: for HTTP/2.
fn settings() -> Extension {
    (0x44cd, long(&short(b"h2")))
}
