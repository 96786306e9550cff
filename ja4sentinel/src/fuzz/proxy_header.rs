//! A PROXY header in front of a stream.

use super::choices;
use crate::hello::preamble::proxy::{self, Proxy};

/// Reads a PROXY header. It ends inside of the stream, and what is said of a beginning stays true
/// whatever follows.
pub fn proxy_header(data: &[u8]) {
    let ([cut], stream) = choices(data);
    let reading = proxy::read(stream);
    if let Proxy::Found(header) = reading {
        assert!(header.len <= stream.len());
    }
    let beginning = stream.len() * usize::from(cut) / 256;
    let early = proxy::read(stream.get(..beginning).unwrap_or_default());
    assert!(early == Proxy::NeedMore || early == reading, "{early:?} became {reading:?}");
}
