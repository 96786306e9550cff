//! Contiguous client bytes in, ClientHello out: TLS records, the handshake message, its fields.
//!
//! The rules are those of the JA4 and JA3 documents; see `fingerprint`.

mod client_hello;
mod reading;

pub use client_hello::{ClientHello, Extension, Extensions, U16s};
pub use reading::{FoundHello, Malformed, NotTls, Reading, read, read_next};
