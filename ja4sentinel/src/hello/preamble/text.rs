//! Protocols of plain text. None of them ever sends the byte 22, so the first one is where TLS
//! begins, provided that the text before it asked for TLS.

use super::{Protocol, Step, TLS};

pub(super) fn read(stream: &[u8]) -> Step {
    let len = stream.iter().take_while(|byte| is_text(**byte)).count();
    let text = stream.get(..len).unwrap_or_default();
    match stream.get(len) {
        _ if is_other_http(text) => Step::No,
        None => Step::NeedMore,
        Some(&TLS) => request(text).map_or(Step::No, |protocol| Step::Done(len, protocol)),
        Some(_) => Step::No,
    }
}

/// Any character set that extends ASCII; no control characters but tab and line ends.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~' | 0x80..)
}

/// Whether the first line is that of an HTTP request which opens no tunnel: let go at once.
fn is_other_http(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return false };
    let line = text.get(..end).unwrap_or_default().trim_ascii();
    line.windows(6).any(|window| window == b" HTTP/") && request_in(line).is_none()
}

/// The last request for TLS in a text that is complete.
fn request(text: &[u8]) -> Option<Protocol> {
    const XMPP: &[u8] = b"<starttls";
    if text.trim_ascii_end().ends_with(b">") && text.windows(XMPP.len()).any(|tag| tag == XMPP) {
        return Some(Protocol::Xmpp);
    }
    let lines = text.strip_suffix(b"\n")?;
    lines.rsplit(|byte| *byte == b'\n').find_map(|line| request_in(line.trim_ascii()))
}

/// The protocol in which this line asks for TLS.
fn request_in(line: &[u8]) -> Option<Protocol> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is = |word: Option<&[u8]>, expected: &[&str]| {
        word.is_some_and(|word| {
            expected.iter().any(|expected| word.eq_ignore_ascii_case(expected.as_bytes()))
        })
    };
    let (first, second, third, more) = (words.next(), words.next(), words.next(), words.next());
    if more.is_some() {
        return None;
    }
    match (second, third) {
        (None, None) if is(first, &["STARTTLS"]) => Some(Protocol::Starttls),
        (None, None) if is(first, &["STLS"]) => Some(Protocol::Pop3),
        (Some(_), None)
            if is(first, &["AUTH"]) && is(second, &["TLS", "SSL", "TLS-C", "TLS-P"]) =>
        {
            Some(Protocol::Ftp)
        }
        (Some(_), None) if is(second, &["STARTTLS"]) => Some(Protocol::Imap),
        (Some(_), Some(version)) if is(first, &["CONNECT"]) && version.starts_with(b"HTTP/") => {
            Some(Protocol::HttpConnect)
        }
        _ => None,
    }
}
