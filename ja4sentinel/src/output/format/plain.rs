//! JSON without a character that moves, recolours or breaks up what is on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Writes a value as JSON. JSON itself escapes what is below U+0020; here DEL, the controls of C1
/// (U+0080 to U+009F, of which U+009B begins a terminal's sequences), and the line ends of Unicode
/// (U+2028, U+2029) are escaped as well.
///
/// # Errors
/// Those of `out`, and of a value that JSON does not have.
pub(super) fn write_json<T: Serialize + ?Sized>(
    value: &T,
    out: &mut impl Write,
) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Plain))
}

struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        text: &str,
    ) -> io::Result<()> {
        // In UTF-8 they are 7F, C2 80 to C2 9F, E2 80 A8 and E2 80 A9. Nearly no text has the first.
        if !text.bytes().any(|byte| matches!(byte, 0x7f | 0xc2 | 0xe2)) {
            return out.write_all(text.as_bytes());
        }
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_control(*c)) {
            let (before, behind) = rest.split_at(at);
            write!(out, "{before}\\u{:04x}", u32::from(c))?;
            rest = behind.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped_and_come_back() {
        let all: String = (0..0x2100).filter_map(char::from_u32).chain("é€😀".chars()).collect();
        let mut json = Vec::new();
        write_json(&[&all], &mut json).unwrap();
        let text = std::str::from_utf8(&json).unwrap();
        assert_eq!(text.chars().find(|c| is_control(*c)), None);
        assert!(
            text.contains("\\u007f\\u0080")
                && text.contains("\\u2028\\u2029")
                && text.contains("é€😀")
        );
        assert_eq!(serde_json::from_slice::<[String; 1]>(&json).unwrap(), [all]);
    }
}
