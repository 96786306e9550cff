//! LDAP messages up to the StartTLS extended request (RFC 4511 sections 4.1.1 and 4.14).

use super::{MAX_PREAMBLE, Protocol, Step};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXTENDED_REQUEST: u8 = 0x77;
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

pub(super) fn read(stream: &[u8]) -> Step {
    let mut at = 0;
    loop {
        let rest = stream.get(at..).unwrap_or_default();
        let (content, len) = match element(rest, SEQUENCE) {
            Ok(found) => found,
            Err(step) => return step,
        };
        at += len;
        // messageID, then the operation.
        let Ok((_, id)) = element(content, INTEGER) else { return Step::No };
        let operation = content.get(id..).unwrap_or_default();
        if let Ok((request, _)) = element(operation, EXTENDED_REQUEST)
            && request.windows(START_TLS.len()).any(|window| window == START_TLS)
        {
            return Step::Done(at, Protocol::Ldap);
        }
    }
}

/// Content and whole length of the BER element with this tag at the start of `bytes`.
fn element(bytes: &[u8], tag: u8) -> Result<(&[u8], usize), Step> {
    let (found, rest) = bytes.split_first().ok_or(Step::NeedMore)?;
    if *found != tag {
        return Err(Step::No);
    }
    let (first, rest) = rest.split_first().ok_or(Step::NeedMore)?;
    let (len, rest) = match *first {
        len @ ..=0x7f => (usize::from(len), rest),
        // The length follows in one to four bytes.
        form @ 0x81..=0x84 => {
            let (digits, rest) =
                rest.split_at_checked(usize::from(form & 0x7f)).ok_or(Step::NeedMore)?;
            (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
        }
        _ => return Err(Step::No),
    };
    if len > MAX_PREAMBLE {
        return Err(Step::No);
    }
    let content = rest.get(..len).ok_or(Step::NeedMore)?;
    Ok((content, bytes.len() - rest.len() + len))
}
