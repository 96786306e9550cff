//! RDP: one X.224 connection request in a TPKT packet ([MS-RDPBCGR] section 2.2.1.1).

use super::{Protocol, Step};

/// Longest packet: routing token or cookie and negotiation request take far less.
const MAX_PACKET: usize = 1024;

pub(super) fn read(stream: &[u8]) -> Step {
    match *stream {
        // TPKT version, reserved, length; X.224 length indicator and the code of the request.
        [3, 0, high, low, _, code, ..] if code & 0xf0 == 0xe0 => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            match len {
                7..=MAX_PACKET if stream.len() < len => Step::NeedMore,
                7..=MAX_PACKET => Step::Done(len, Protocol::Rdp),
                _ => Step::No,
            }
        }
        [3] | [3, 0] | [3, 0, _] | [3, 0, _, _] | [3, 0, _, _, _] => Step::NeedMore,
        _ => Step::No,
    }
}
