//! MySQL's request for TLS: the beginning of a handshake response, cut off behind its fixed part,
//! with CLIENT_SSL set (MySQL documentation, "Protocol::SSLRequest").

use super::{Protocol, Step};

/// Length of a packet header: 24-bit length, little-endian, and a sequence number.
const HEADER: usize = 4;

/// Second byte of the capability flags, which are little-endian: CLIENT_SSL is 0x0800.
const CLIENT_SSL: u8 = 0x08;

pub(super) fn read(stream: &[u8]) -> Step {
    // 32 bytes today, 5 bytes in the protocol before MySQL 4.1.
    let beginnings = [[32, 0, 0, 1], [5, 0, 0, 1]];
    if beginnings.iter().any(|header| stream.len() < HEADER && header.starts_with(stream)) {
        return Step::NeedMore;
    }
    match *stream {
        [len @ (5 | 32), 0, 0, 1, _, flags, ..] if flags & CLIENT_SSL != 0 => {
            let len = HEADER + usize::from(len);
            if stream.len() < len { Step::NeedMore } else { Step::Done(len, Protocol::Mysql) }
        }
        [5 | 32, 0, 0, 1] | [5 | 32, 0, 0, 1, _] => Step::NeedMore,
        _ => Step::No,
    }
}
