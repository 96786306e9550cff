//! What the server says that it received.

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::{self, Reading};
use ja4sentinel_tests::hellos::records;
use serde_json::{Value, json};

/// The ClientHellos in the message trace of `openssl s_server`, each with its handshake header.
pub(crate) fn client_hellos(trace: &str) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut lines = trace.lines().peekable();
    while let Some(line) = lines.next() {
        if !(line.starts_with("<<<") && line.ends_with(", ClientHello")) {
            continue;
        }
        let mut message = Vec::new();
        while let Some(bytes) = lines.next_if(|line| line.starts_with(' ')) {
            message.extend(bytes.split_whitespace().filter_map(|b| u8::from_str_radix(b, 16).ok()));
        }
        messages.push(message);
    }
    messages
}

/// Whether a message is all there: a trace may be looked at while it is written.
pub(crate) fn is_complete(message: &[u8]) -> bool {
    match *message {
        [1, high, middle, low, ref body @ ..] => {
            u32::from_be_bytes([0, high, middle, low]) as usize == body.len()
        }
        _ => false,
    }
}

/// The fields of a record that follow from a ClientHello's bytes alone.
pub(crate) fn expected(message: &[u8]) -> Value {
    let stream = records(message, &[]);
    let mut scratch = Vec::new();
    let Reading::Hello(found) = hello::read(&stream, &mut scratch) else {
        panic!("the server takes for a ClientHello what we do not: {message:02x?}");
    };
    let fingerprints = Fingerprints::of(&found.hello, Transport::Tcp);
    json!({
        "ja4": fingerprints.ja4,
        "ja4_r": fingerprints.ja4_r,
        "ja4_o": fingerprints.ja4_o,
        "ja4_ro": fingerprints.ja4_ro,
        "ja3": fingerprints.ja3,
        "ja3_hash": fingerprints.ja3_hash,
        "sni": found.hello.server_name.map(String::from_utf8_lossy),
        "hello_bytes": message.len(),
    })
}

/// The same fields of a record.
pub(crate) fn found(record: &Value) -> Value {
    let names = ["ja4", "ja4_r", "ja4_o", "ja4_ro", "ja3", "ja3_hash", "sni", "hello_bytes"];
    names.iter().map(|name| ((*name).to_owned(), record[name].clone())).collect()
}

#[test]
fn a_trace_is_read_back() {
    let trace = "<<< ??? [length 0005]\n    16 03 01 00 06\n<<< TLS 1.3, Handshake [length 0006], \
        ClientHello\n    01 00 00 02 aa\n    bb\n>>> TLS 1.2, Alert [length 0002], fatal\n    02 28\n";
    let hellos = client_hellos(trace);
    assert_eq!(hellos, [[1, 0, 0, 2, 0xaa, 0xbb]]);
    assert!(is_complete(&hellos[0]) && !is_complete(&hellos[0][..5]));
}
