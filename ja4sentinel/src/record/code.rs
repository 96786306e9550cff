//! A 16-bit code point of TLS.

use serde::{Serialize, Serializer};

use crate::fingerprint::hex;

/// A code point, printed as four lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// Its digits, ASCII.
    #[must_use]
    pub fn digits(self) -> [u8; 4] {
        hex(self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}
