//! SOCKS: version 4 and 4a in one request; version 5 (RFC 1928) with its list of methods, an
//! optional user name and password (RFC 1929), and the request.

use super::{Protocol, Step};

const CONNECT: u8 = 1;

/// Longest text of a version 4 request, its user or host name.
const MAX_NAME: usize = 255;

pub(super) fn read(stream: &[u8]) -> Step {
    let len = match stream {
        [4, ..] => version_4(stream),
        [5, ..] => version_5(stream),
        _ => Err(Step::No),
    };
    match len {
        Ok(len) if len <= stream.len() => Step::Done(len, Protocol::Socks),
        Ok(_) => Step::NeedMore,
        Err(step) => step,
    }
}

/// Version, command, port, address, user name; and a host name when the address is 0.0.0.x (4a).
fn version_4(stream: &[u8]) -> Result<usize, Step> {
    const FIXED: usize = 8;
    if !matches!(stream, [_] | [_, CONNECT, ..]) {
        return Err(Step::No);
    }
    let address = stream.get(4..FIXED).ok_or(Step::NeedMore)?;
    let user_end = FIXED + name(stream.get(FIXED..).unwrap_or_default())?;
    match address {
        [0, 0, 0, last] if *last != 0 => {
            Ok(user_end + name(stream.get(user_end..).unwrap_or_default())?)
        }
        _ => Ok(user_end),
    }
}

/// Length of a text and the zero byte behind it.
fn name(bytes: &[u8]) -> Result<usize, Step> {
    match bytes.iter().take(MAX_NAME + 1).position(|byte| *byte == 0) {
        Some(len) => Ok(len + 1),
        None if bytes.len() > MAX_NAME => Err(Step::No),
        None => Err(Step::NeedMore),
    }
}

fn version_5(stream: &[u8]) -> Result<usize, Step> {
    let byte = |offset: usize| stream.get(offset).copied().ok_or(Step::NeedMore);
    let methods = byte(1)?;
    if methods == 0 {
        return Err(Step::No);
    }
    let mut at = 2 + usize::from(methods);
    // The method that the server chose is not in the client's stream; what follows tells.
    if byte(at)? == 1 {
        let user = usize::from(byte(at + 1)?);
        let password = usize::from(byte(at + 2 + user)?);
        at += 3 + user + password;
    }
    if byte(at)? != 5 || byte(at + 1)? != CONNECT || byte(at + 2)? != 0 {
        return Err(Step::No);
    }
    let address = match byte(at + 3)? {
        1 => 4,
        3 => 1 + usize::from(byte(at + 4)?),
        4 => 16,
        _ => return Err(Step::No),
    };
    Ok(at + 4 + address + 2)
}
