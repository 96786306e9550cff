//! Text that a client chose: always valid UTF-8 on the way out, and without loss.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Serialize, Serializer};

/// Bytes that should be text. Printed as they are when they are UTF-8; a byte that is not part of
/// valid UTF-8 appears as `\xNN`, and so does the backslash itself, so that the escape can be
/// undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Cow<'static, str>);

/// The ALPN names that nearly every client sends (RFC 7301, registry): not allocated for each.
const USUAL: [&str; 2] = ["h2", "http/1.1"];

impl Text {
    /// The escaped form of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut text = Self(Cow::Borrowed(""));
        text.set(bytes);
        text
    }

    /// Puts the escaped form of `bytes` into the place, and the memory, of what is there.
    pub fn set(&mut self, bytes: &[u8]) {
        if let Some(usual) = USUAL.into_iter().find(|usual| usual.as_bytes() == bytes) {
            self.0 = Cow::Borrowed(usual);
            return;
        }
        let mut text = match std::mem::take(&mut self.0) {
            Cow::Owned(text) => text,
            Cow::Borrowed(_) => String::new(),
        };
        text.clear();
        push_escaped(&mut text, bytes);
        self.0 = Cow::Owned(text);
    }

    /// Bytes of memory that it holds.
    pub(super) fn memory(&self) -> usize {
        match &self.0 {
            Cow::Owned(text) => text.capacity(),
            Cow::Borrowed(_) => 0,
        }
    }

    /// The escaped text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn push_escaped(text: &mut String, bytes: &[u8]) {
    // Nearly all are plain.
    if let Ok(plain) = str::from_utf8(bytes)
        && !bytes.contains(&b'\\')
    {
        return text.push_str(plain);
    }
    text.reserve(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' { text.push_str("\\x5c") } else { text.push(c) }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_and_backslash_are_escaped_without_loss() {
        assert_eq!(Text::new(b"a\xffb\\x").as_str(), "a\\xffb\\x5cx");
        assert_eq!(Text::new("héllo".as_bytes()).as_str(), "héllo");
        assert_ne!(Text::new(b"\\xff"), Text::new(b"\xff"));
    }
}
