//! Contiguous client bytes in, ClientHello out: TLS records, the handshake message, its fields.
//!
//! tls-parser reads record headers, and its combinators the message; the code around it holds the rulings that
//! outrank it (odd lists, best effort inside one extension, any record split). The rules are those
//! of the JA4 and JA3 documents; see `fingerprint`.

mod body;
mod cause;
mod client_hello;
mod message;
pub mod preamble;
mod reading;
mod records;

pub use cause::{Malformed, NotTls};
pub use client_hello::{ClientHello, Extension, Extensions, U16s};
pub use message::MAX_BODY;
pub use reading::{FoundHello, Reading, lacking, next_begun, read, read_next};
pub use records::MAX_RECORD;
