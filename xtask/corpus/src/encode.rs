//! Lists as TLS writes them.

/// Codes, each in two bytes.
pub(super) fn codes(list: &[u16]) -> Vec<u8> {
    list.iter().flat_map(|code| code.to_be_bytes()).collect()
}

/// `bytes` behind a length of one byte.
pub(super) fn short(bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [&[length], bytes].concat()
}

/// `bytes` behind a length of two bytes.
pub(super) fn long(bytes: &[u8]) -> Vec<u8> {
    [&length(bytes.len()), bytes].concat()
}

/// A handshake message of this type.
pub(super) fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    // Its length has three bytes, the first of which no message here needs.
    [&[kind, 0], long(body).as_slice()].concat()
}

/// A record of this type.
pub(super) fn record(kind: u8, version: [u8; 2], fragment: &[u8]) -> Vec<u8> {
    [&[kind], version.as_slice(), &long(fragment)].concat()
}

/// A length in two bytes, of which no header here needs more.
pub(super) fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
