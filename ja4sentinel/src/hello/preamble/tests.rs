//! Conversations as the client's side of them stands in the stream. The server's side is in the
//! comments where it matters.

use super::*;

/// The beginning of a TLS record.
const HELLO: &[u8] = &[22, 3, 1, 0, 100, 1, 0, 0, 96, 3, 3];

/// Asserts that TLS begins behind `preamble`, however the stream is cut.
#[track_caller]
fn leads_to_tls(preamble: &[u8], protocol: Protocol) {
    let stream = [preamble, HELLO].concat();
    for cut in 1..=preamble.len() {
        assert_eq!(skip(&stream[..cut]), Preamble::NeedMore, "{cut} bytes");
    }
    for cut in preamble.len() + 1..=stream.len() {
        assert_eq!(
            skip(&stream[..cut]),
            Preamble::Found { len: preamble.len(), protocol },
            "{cut} bytes"
        );
    }
}

#[test]
fn smtp() {
    leads_to_tls(b"EHLO client.example\r\nSTARTTLS\r\n", Protocol::Starttls);
    leads_to_tls(b"LHLO mx\r\nstarttls \r\n", Protocol::Starttls);
    // Refused once, asked again.
    leads_to_tls(b"EHLO a\r\nSTARTTLS\r\nNOOP\r\nSTARTTLS\r\n", Protocol::Starttls);
}

#[test]
fn irc_nntp_sieve() {
    leads_to_tls(b"CAP LS 302\r\nSTARTTLS\r\n", Protocol::Starttls);
    leads_to_tls(b"STARTTLS\n", Protocol::Starttls);
    leads_to_tls(b"CAPABILITIES\r\nMODE READER\r\nSTARTTLS\r\n", Protocol::Starttls);
}

#[test]
fn imap_pop3_ftp() {
    leads_to_tls(b"a001 CAPABILITY\r\na002 STARTTLS\r\n", Protocol::Imap);
    leads_to_tls(b"0 STARTTLS\r\n", Protocol::Imap);
    leads_to_tls(b"CAPA\r\nSTLS\r\n", Protocol::Pop3);
    leads_to_tls(b"AUTH TLS\r\n", Protocol::Ftp);
    leads_to_tls(b"FEAT\r\nauth ssl\r\n", Protocol::Ftp);
}

#[test]
fn xmpp() {
    let stream = "<?xml version='1.0'?><stream:stream to='example.org' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
                  <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    leads_to_tls(stream.as_bytes(), Protocol::Xmpp);
    leads_to_tls(format!("{stream}\n").as_bytes(), Protocol::Xmpp);
}

#[test]
fn http_connect() {
    let request = b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n";
    leads_to_tls(request, Protocol::HttpConnect);
    // 407, then with credentials.
    let again = b"CONNECT example.com:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n";
    leads_to_tls(&[&request[..], again].concat(), Protocol::HttpConnect);
    // A mail server behind the tunnel.
    leads_to_tls(&[&request[..], b"EHLO x\r\nSTARTTLS\r\n"].concat(), Protocol::Starttls);
}

#[test]
fn postgres() {
    let ssl = [0, 0, 0, 8, 4, 210, 22, 47];
    let gssenc = [0, 0, 0, 8, 4, 210, 22, 48];
    leads_to_tls(&ssl, Protocol::Postgres);
    leads_to_tls(&[gssenc, ssl].concat(), Protocol::Postgres);
    // Refused: the client goes on without TLS.
    let startup = [&ssl[..], &[0, 0, 0, 9, 0, 3, 0, 0, 0]].concat();
    assert_eq!(skip(&startup), Preamble::None);
}

#[test]
fn mysql() {
    let mut request = vec![32, 0, 0, 1, 0x05, 0xae, 0x03, 0x00];
    request.resize(36, 0);
    leads_to_tls(&request, Protocol::Mysql);
    leads_to_tls(&[5, 0, 0, 1, 0x05, 0xae, 0, 0, 1], Protocol::Mysql);
    // Without CLIENT_SSL it is a login in clear.
    request[5] = 0xa6;
    assert_eq!(skip(&request), Preamble::None);
}

#[test]
fn socks_4() {
    let fixed = [4, 1, 1, 187, 192, 0, 2, 1];
    leads_to_tls(&[&fixed[..], b"user\0"].concat(), Protocol::Socks);
    leads_to_tls(&[&fixed[..], b"\0"].concat(), Protocol::Socks);
    leads_to_tls(&[&[4, 1, 1, 187, 0, 0, 0, 7][..], b"\0example.com\0"].concat(), Protocol::Socks);
    assert_eq!(skip(&[4, 2, 1]), Preamble::None, "BIND");
    assert_eq!(skip(&[&fixed[..], &[b'x'; 300]].concat()), Preamble::None, "endless user name");
}

#[test]
fn socks_5() {
    let v4 = [5, 1, 0, 1, 192, 0, 2, 1, 1, 187];
    let name = [&[5, 1, 0, 3, 11][..], b"example.com", &[1, 187]].concat();
    let v6 = [&[5, 1, 0, 4][..], &[0x20; 16], &[1, 187]].concat();
    leads_to_tls(&[&[5, 1, 0][..], &v4].concat(), Protocol::Socks);
    leads_to_tls(&[&[5, 2, 0, 2][..], &name].concat(), Protocol::Socks);
    let login = [&[5, 2, 0, 2, 1, 4][..], b"user\x06secret"].concat();
    leads_to_tls(&[&login[..], &v6].concat(), Protocol::Socks);
    assert_eq!(skip(&[5, 1, 0, 5, 3, 0, 1]), Preamble::None, "UDP ASSOCIATE");
    assert_eq!(skip(&[&[5, 1, 0][..], &v4, b"GET /"].concat()), Preamble::NeedMore, "text");
    assert_eq!(skip(&[&[5, 1, 0][..], &v4, &[0xff, 0]].concat()), Preamble::None, "no TLS");
}

#[test]
fn ldap() {
    let request =
        [&[0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22][..], b"1.3.6.1.4.1.1466.20037"].concat();
    leads_to_tls(&request, Protocol::Ldap);
    // A search of the root entry before it; lengths in the long form.
    let search = [0x30, 0x84, 0, 0, 0, 5, 2, 1, 1, 0x63, 0];
    let long =
        [&[0x30, 0x82, 0, 30, 2, 2, 1, 0, 0x77, 24, 0x80, 22][..], b"1.3.6.1.4.1.1466.20037"]
            .concat();
    leads_to_tls(&[&search[..], &long].concat(), Protocol::Ldap);
    assert_eq!(skip(&[0x30, 3, 4, 1, 1]), Preamble::None, "no message identifier");
    assert_eq!(skip(&[0x30, 0x84, 1, 0, 0, 0]), Preamble::None, "huge message");
}

#[test]
fn rdp() {
    let cookie = b"Cookie: mstshash=user\r\n";
    let mut request = vec![3, 0, 0, 42, 37, 0xe0, 0, 0, 0, 0, 0];
    request.extend(cookie);
    request.extend([1, 0, 8, 0, 3, 0, 0, 0]);
    leads_to_tls(&request, Protocol::Rdp);
    assert_eq!(skip(&[3, 0, 0, 8, 3, 0xf0]), Preamble::None, "X.224 data");
}

#[test]
fn what_leads_nowhere_is_let_go() {
    let streams = [
        HELLO,
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-client\r\n\0",
        b"EHLO x\r\n\x16",
        b"STARTTLS\x16",
        b"\x7f",
    ];
    for stream in streams {
        assert_eq!(skip(stream), Preamble::None, "{stream:02x?}");
    }
}

#[test]
fn the_limit_holds_wherever_the_stream_is_cut() {
    let text = |len: usize| [&vec![b'\n'; len - 9][..], b"STARTTLS\n"].concat();
    leads_to_tls_at_limit(&text(MAX_PREAMBLE), true);
    leads_to_tls_at_limit(&text(MAX_PREAMBLE + 1), false);
}

#[track_caller]
fn leads_to_tls_at_limit(preamble: &[u8], found: bool) {
    let stream = [preamble, HELLO].concat();
    let before = skip(&stream[..preamble.len()]);
    let behind = skip(&stream);
    assert_eq!(before == Preamble::NeedMore, found);
    assert_eq!(matches!(behind, Preamble::Found { .. }), found);
}

#[test]
fn a_boundary_counts_only_where_a_hello_begins() {
    let stream = [&b"\x01unknown\xff"[..], HELLO, HELLO].concat();
    assert_eq!(at_boundary(&stream, [0, 4, 9, 20]), Some(9));
    assert_eq!(at_boundary(&stream, [0, 4, 20]), Some(20));
    assert_eq!(at_boundary(&stream, [0, 4]), None);
    assert_eq!(at_boundary(&stream[..12], [0, 9]), None, "not complete enough to tell");
    let far = [&vec![1; MAX_PREAMBLE + 1][..], HELLO].concat();
    assert_eq!(at_boundary(&far, [MAX_PREAMBLE + 1]), None, "beyond the limit");
}
