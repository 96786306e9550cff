//! What stands before the hello, live: a PROXY header, and the talk before STARTTLS.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::scene::BACKENDS;

const DEADLINE: Duration = Duration::from_secs(15);

const CONFIG: &str = "core:\n  listen_ports: [25, 443]\n  proxy_protocol: accept\n  \
    proxy_protocol_ports: [443]\n  starttls: true\n";

/// What the client says, one string a turn; the server answers each but the last with a line.
fn talk(lab: &Lab, port: u16, turns: &[&[u8]]) {
    let listener = lab.server.inside(|| TcpListener::bind((SERVER_V4, port))).expect("a namespace");
    let listener = listener.expect("a free port");
    std::thread::scope(|scope| {
        let server = scope.spawn(move || -> io::Result<usize> {
            let (mut client, _) = listener.accept()?;
            for _ in 1..turns.len() {
                assert!(client.read(&mut [0; 4096])? > 0, "the client went away");
                client.write_all(b"250 go on\r\n")?;
            }
            client.read_to_end(&mut Vec::new())
        });
        let connect = || TcpStream::connect((SERVER_V4, port));
        let stream = lab.client.inside(connect).expect("a namespace").expect("a connection");
        let mut answers = BufReader::new(&stream);
        for (number, turn) in turns.iter().enumerate() {
            (&stream).write_all(turn).expect("a server that reads");
            if number + 1 < turns.len() {
                answers.read_line(&mut String::new()).expect("an answer");
            }
        }
        drop(stream);
        let last = server.join().expect("a server").expect("a connection");
        assert_eq!(Some(last), turns.last().map(|turn| turn.len()));
    });
}

#[test]
fn the_hello_behind_is_found_and_the_real_client_named() {
    for backend in BACKENDS {
        let lab = Lab::new(&Link::default()).unwrap();
        let config = lab.directory().join("config.yml");
        fs::write(&config, CONFIG).unwrap();
        let config = config.to_str().expect("a path");
        let arguments = ["--interface", SERVER_INTERFACE, "--backend", backend, "--config", config];
        let agent = Agent::start(&lab.server, &built_binary().unwrap(), &arguments).unwrap();

        let hello = Hello::new(&[0x1301, 0x1302]).server_name("proxied.example").record();
        let header = b"PROXY TCP4 198.51.100.22 203.0.113.7 35646 443\r\n";
        talk(&lab, 443, &[&[header, &hello[..]].concat()]);
        let hello = Hello::new(&[0x1301, 0x1302]).server_name("mail.example").record();
        talk(&lab, 25, &[b"EHLO client.example\r\n", b"STARTTLS\r\n", &hello]);

        let records = agent.wait_for(2, DEADLINE, |_| true).unwrap();
        let [proxied, mail] = &records[..] else { panic!("{backend}: {records:?}") };
        assert_eq!(proxied["sni"], "proxied.example", "{backend}");
        assert_eq!(proxied["src_ip"], "198.51.100.22", "{backend}");
        assert_eq!(proxied["src_port"], 35_646, "{backend}");
        assert_eq!(proxied["proxy_ip"], CLIENT_V4.to_string(), "{backend}");
        assert_eq!(mail["sni"], "mail.example", "{backend}");
        assert_eq!(mail["src_ip"], CLIENT_V4.to_string(), "{backend}");
        let oddities = mail["oddities"].as_array().expect("a list");
        assert!(oddities.iter().any(|oddity| oddity == "starttls"), "{backend}: {oddities:?}");
        for record in &records {
            assert_eq!(record["meta_source"], "syn", "{backend}");
        }
        let ended = agent.stop().unwrap();
        assert_eq!(ended.ledger, "2 connections = 2 fingerprinted", "{backend}");
    }
}
