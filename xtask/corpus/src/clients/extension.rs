//! The extensions that several clients send.

use crate::encode::{codes, long, short};
use crate::random::Random;

/// A type and a content.
pub(super) type Extension = (u16, Vec<u8>);

/// Named groups, and the bytes of a key share of each.
pub(super) const X25519: (u16, usize) = (29, 32);
pub(super) const SECP256R1: (u16, usize) = (23, 65);
pub(super) const X25519_MLKEM768: (u16, usize) = (0x11ec, 1216);

/// `extended_master_secret`, empty.
pub(super) const MASTER_SECRET: Extension = (23, Vec::new());
/// `signed_certificate_timestamp`, empty.
pub(super) const TIMESTAMP: Extension = (18, Vec::new());
/// `session_ticket` of a client that has none.
pub(super) const NO_TICKET: Extension = (35, Vec::new());

pub(super) fn server_name(name: Option<&String>) -> Option<Extension> {
    // A list of one entry, whose type is host_name.
    let entry = [&[0], long(name?.as_bytes()).as_slice()].concat();
    Some((0, long(&entry)))
}

/// `status_request`: OCSP, with two empty lists.
pub(super) fn status() -> Extension {
    (5, vec![1, 0, 0, 0, 0])
}

pub(super) fn groups(list: &[u16]) -> Extension {
    (10, long(&codes(list)))
}

pub(super) fn formats(list: &[u8]) -> Extension {
    (11, short(list))
}

pub(super) fn algorithms(list: &[u16]) -> Extension {
    (13, long(&codes(list)))
}

pub(super) fn alpn(names: &[&str]) -> Extension {
    (16, long(&names.iter().flat_map(|name| short(name.as_bytes())).collect::<Vec<u8>>()))
}

pub(super) fn versions(list: &[u16]) -> Extension {
    (43, short(&codes(list)))
}

/// `psk_key_exchange_modes`: with (EC)DHE.
pub(super) fn psk_modes() -> Extension {
    (45, vec![1, 1])
}

pub(super) fn key_shares(shares: &[(u16, usize)], random: &mut Random) -> Extension {
    let mut list = Vec::new();
    for (group, length) in shares {
        list.extend(group.to_be_bytes());
        list.extend(long(&random.bytes(*length)));
    }
    (51, long(&list))
}

/// `renegotiation_info` of a first handshake.
pub(super) fn renegotiation() -> Extension {
    (0xff01, vec![0])
}

/// `encrypted_client_hello` that only looks like one: for HKDF-SHA256 and this cipher, with a payload
/// of one of these lengths.
pub(super) fn encrypted_hello(cipher: u8, lengths: &[usize], random: &mut Random) -> Extension {
    let mut content = vec![0, 0, 1, 0, cipher, random.byte()];
    content.extend(long(&random.bytes(32)));
    let length = match lengths {
        [only] => *only,
        several => random.pick(several).unwrap_or_default(),
    };
    content.extend(long(&random.bytes(length)));
    (0xfe0d, content)
}
