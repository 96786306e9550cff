//! PostgreSQL's requests for an encrypted connection: eight bytes, a length of 8 and a magic
//! number (PostgreSQL documentation, "Message Formats": SSLRequest, GSSENCRequest).

use super::{Protocol, Step};

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// May come before the other one, refused by the server.
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];

pub(super) fn read(stream: &[u8]) -> Step {
    for request in [SSL_REQUEST, GSSENC_REQUEST] {
        if stream.starts_with(&request) {
            return Step::Done(request.len(), Protocol::Postgres);
        }
        if request.starts_with(stream) {
            return Step::NeedMore;
        }
    }
    Step::No
}
