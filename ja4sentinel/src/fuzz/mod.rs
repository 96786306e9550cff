//! What the fuzzers hold against the code, one function a target: not only "no panic", but that
//! limits hold, that it does not matter where a stream was cut, and that the ledger balances.
//!
//! The targets under `fuzz/` are one line each. What a fuzzer found lies in `fuzz/fixtures` and is
//! replayed by the ordinary tests.
#![expect(clippy::panic, reason = "a broken invariant ends the fuzzer's run: that is its report")]

mod client_hello;
#[cfg(feature = "shell")]
mod configuration;
#[cfg(all(test, feature = "shell"))]
mod fixtures;
mod frame;
mod proxy_header;
mod segments;
mod sensor;

pub use client_hello::client_hello;
#[cfg(feature = "shell")]
pub use configuration::configuration;
pub use frame::frame;
pub use proxy_header::proxy_header;
pub use segments::segments;
pub use sensor::sensor;

/// Takes the first `N` bytes off the input, zeros where it is shorter: the choices that an input
/// makes before its content begins.
fn choices<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    match data.split_first_chunk::<N>() {
        Some((choices, rest)) => (*choices, rest),
        None => ([0; N], &[]),
    }
}
