//! Properties of reading and fingerprinting that hold for any hello, any split and any bytes.

use ja4sentinel::fingerprint::{Fingerprints, Transport};
use ja4sentinel::hello::preamble::{self, Preamble, proxy};
use ja4sentinel::hello::{Reading, lacking, read, read_next};
use ja4sentinel_tests::hellos::{
    ALPN, GROUPS, Hello, POINT_FORMATS, SERVER_NAME, SIGNATURE_ALGORITHMS, VERSIONS,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Extension types whose content is read, and any other.
fn kind() -> impl Strategy<Value = u16> {
    let read = [SERVER_NAME, GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN, VERSIONS, 0x3a3a];
    prop_oneof![proptest::sample::select(read.to_vec()), any::<u16>()]
}

/// A hello whose structure holds, with any content in its extensions.
fn hello() -> impl Strategy<Value = Hello> {
    let extensions = proptest::option::of(vec((kind(), vec(any::<u8>(), 0..40)), 0..20));
    (any::<u16>(), vec(any::<u8>(), 0..=32), vec(any::<u8>(), 0..80), extensions).prop_map(
        |(legacy_version, session_id, ciphers, extensions)| Hello {
            legacy_version,
            session_id,
            ciphers,
            extensions,
            trailing: Vec::new(),
        },
    )
}

/// Sizes of TLS records.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..4_usize, 1..200_usize], 1..12)
}

/// Everything that a hello gives, as text.
fn fingerprints(stream: &[u8]) -> Option<(Fingerprints, String)> {
    let mut scratch = Vec::new();
    match read(stream, &mut scratch) {
        Reading::Hello(found) => {
            let fields = format!("{:?}", found.hello);
            Some((Fingerprints::of(&found.hello, Transport::Tcp), fields))
        }
        _ => None,
    }
}

/// Parts of conversations that may lead to TLS.
fn talk() -> impl Strategy<Value = Vec<u8>> {
    let parts: [&[u8]; 16] = [
        b"EHLO x\r\n",
        b"STARTTLS\r\n",
        b"a1 STARTTLS\r\n",
        b"0 ",
        b"AUTH TLS\r\n",
        b"CONNECT a:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"<starttls/>",
        &[0, 0, 0, 8, 4, 210, 22, 47],
        &[5, 0, 0, 1, 0, 8, 0, 0, 1],
        &[4, 1, 1, 187, 192, 0, 2, 1, 0],
        &[5, 1, 0, 5, 1, 0, 1, 192, 0, 2, 1, 1, 187],
        &[3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 0, 0],
        &[0x30, 5, 2, 1, 1, 0x63, 0],
        b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
        &[22, 3, 1],
    ];
    let part = prop_oneof![
        9 => proptest::sample::select(parts.map(<[u8]>::to_vec).to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(part, 0..5).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_split_into_records_gives_the_same_hello(hello in hello(), sizes in sizes()) {
        let expected = fingerprints(&hello.record());
        prop_assert!(expected.is_some());
        prop_assert_eq!(fingerprints(&hello.records(&sizes)), expected);
    }

    #[test]
    fn a_hello_gives_back_what_went_in(hello in hello()) {
        let stream = hello.record();
        let mut scratch = Vec::new();
        let Reading::Hello(found) = read(&stream, &mut scratch) else { panic!("a hello") };
        prop_assert_eq!(found.message_len, hello.message().len());
        prop_assert_eq!((found.end, found.open, found.tls_records), (stream.len(), 0, 1));
        let found = found.hello;
        prop_assert_eq!(found.legacy_version, hello.legacy_version);
        prop_assert_eq!(found.ciphers.0, &hello.ciphers[..]);
        let extensions: Vec<(u16, Vec<u8>)> =
            found.extensions.iter().map(|found| (found.kind, found.data.to_vec())).collect();
        let expected = hello.extensions.clone().unwrap_or_default();
        let has = |kind: u16| expected.iter().any(|(other, _)| *other == kind);
        prop_assert_eq!(found.has_server_name_extension, has(SERVER_NAME));
        prop_assert_eq!(found.supported_versions.is_some(), has(VERSIONS));
        prop_assert_eq!(extensions, expected);
    }

    #[test]
    fn fingerprints_keep_their_shape(hello in hello()) {
        let (found, _) = fingerprints(&hello.record()).unwrap_or_else(|| panic!("a hello"));
        for fingerprint in [&found.ja4, &found.ja4_o] {
            prop_assert_eq!(fingerprint.len(), 36);
            prop_assert!(fingerprint.is_ascii());
        }
        prop_assert_eq!(&found.ja4[..10], &found.ja4_ro[..10]);
        prop_assert_eq!(&found.ja4[..10], &found.ja4_r[..10]);
        prop_assert_eq!(found.ja3.matches(',').count(), 4);
        prop_assert_eq!(found.ja3_hash.len(), 32);
    }

    #[test]
    fn every_beginning_of_a_hello_needs_more(hello in hello(), sizes in sizes()) {
        let stream = hello.records(&sizes);
        for len in 0..stream.len() {
            let mut scratch = Vec::new();
            prop_assert_eq!(read(&stream[..len], &mut scratch), Reading::NeedMore, "{} bytes", len);
            prop_assert!((1..=stream.len() - len).contains(&lacking(&stream[..len], 0)));
        }
    }

    #[test]
    fn a_decision_stands_whatever_follows(
        hello in hello(),
        sizes in sizes(),
        spoils in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        more in vec(any::<u8>(), 0..30),
    ) {
        let mut stream = hello.records(&sizes);
        for (at, byte) in spoils {
            *at.get_mut(&mut stream) = byte;
        }
        stream.extend(more);
        let mut decided = None;
        for len in 0..=stream.len() {
            let mut scratch = Vec::new();
            let reading = format!("{:?}", read(&stream[..len], &mut scratch));
            if let Some(before) = &decided {
                prop_assert_eq!(&reading, before, "{} bytes", len);
            } else if reading != "NeedMore" {
                decided = Some(reading);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(
        bytes in vec(any::<u8>(), 0..300),
        open in 0..400_usize,
        boundaries in vec(any::<usize>(), 0..4),
    ) {
        let framed = [&[22, 3, 1, 1, 0, 1, 0, 0, 250][..], &bytes].concat();
        for stream in [&bytes, &framed] {
            let mut scratch = Vec::new();
            if let Reading::Hello(found) = read(stream, &mut scratch) {
                let _ = Fingerprints::of(&found.hello, Transport::Quic);
                prop_assert!(found.end <= stream.len());
            }
            let mut scratch = Vec::new();
            if let Reading::Hello(found) = read_next(stream, open, &mut scratch) {
                let _ = Fingerprints::of(&found.hello, Transport::Dtls);
                prop_assert!(found.end <= stream.len());
            }
            let _ = preamble::skip(stream);
            let _ = preamble::at_boundary(stream, boundaries.iter().copied());
        }
        let signed = [b"\r\n\r\n\0\r\nQUIT\n", &bytes[..]].concat();
        let line = [b"PROXY ", &bytes[..]].concat();
        for stream in [&bytes, &signed, &line] {
            if let proxy::Proxy::Found(header) = proxy::read(stream) {
                prop_assert!(header.len <= stream.len());
            }
        }
    }

    #[test]
    fn a_preamble_does_not_depend_on_the_cut(stream in talk()) {
        let mut decided = None;
        for len in 0..=stream.len() {
            let preamble = preamble::skip(&stream[..len]);
            if let Some(before) = decided {
                prop_assert_eq!(preamble, before, "{} bytes", len);
            } else if preamble != Preamble::NeedMore {
                decided = Some(preamble);
            }
            if let Preamble::Found { len: at, .. } = preamble {
                prop_assert_eq!(stream[at], 22);
            }
        }
    }

    #[test]
    fn a_proxy_header_does_not_depend_on_the_cut(
        command in 0x1e..0x24_u8,
        family in proptest::sample::select(vec![0, 0x11, 0x21, 0x31, 0x41]),
        content in vec(any::<u8>(), 0..60),
    ) {
        let len = u8::try_from(content.len()).unwrap_or_else(|_| panic!("a short header"));
        let stream =
            [b"\r\n\r\n\0\r\nQUIT\n", &[command, family, 0, len][..], &content, b"rest"].concat();
        let mut decided = None;
        for len in 0..=stream.len() {
            let header = proxy::read(&stream[..len]);
            if let Some(before) = decided {
                prop_assert_eq!(header, before, "{} bytes", len);
            } else if header != proxy::Proxy::NeedMore {
                decided = Some(header);
            }
        }
        prop_assert!(decided.is_some());
    }
}
