//! libpcap alone: this machine's addresses, and what it drops.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream};
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::captures;
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::netns::{
    CLIENT_INTERFACE, CLIENT_V4, Lab, Link, SERVER_INTERFACE, SERVER_V4, SERVER_V6,
};
use ja4sentinel_tests::process::wait_until;
use ja4sentinel_tests::servers::{Settings, TlsServer};

const DEADLINE: Duration = Duration::from_secs(15);
/// How long a record that must not come is waited for.
const SILENCE: Duration = Duration::from_secs(1);

fn start(lab: &Lab) -> Agent {
    let watch = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "pcap"];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &watch).expect("an agent")
}

/// Sends a hello to the server under this address.
fn say_hello(lab: &Lab, address: impl Into<SocketAddr>) {
    let address = address.into();
    let hello = Hello::browser().record();
    let send = || TcpStream::connect(address).and_then(|mut stream| stream.write_all(&hello));
    lab.client.inside(send).expect("a namespace").expect("a connection");
}

fn destinations(agent: &Agent) -> Vec<IpAddr> {
    let records = agent.records().expect("records");
    let text = |record: &serde_json::Value| record["dst_ip"].as_str().map(str::to_owned);
    records.iter().filter_map(text).map(|text| text.parse().expect("an address")).collect()
}

#[test]
fn addresses_are_kept_current_and_link_local_ones_are_left_out() {
    let lab = Lab::new(&Link::default()).unwrap();
    let _server = TlsServer::start(&lab, &Settings::default()).unwrap();
    let agent = start(&lab);

    let link_local = || {
        let show = ["-6", "-o", "addr", "show", "dev", SERVER_INTERFACE, "scope", "link"];
        let text = lab.server.run("ip", &show).expect("addresses");
        let word = text.split_whitespace().find(|word| word.starts_with("fe80:"))?.to_owned();
        (!text.contains("tentative")).then_some(word)
    };
    assert!(wait_until(DEADLINE, || link_local().is_some()));
    let address = link_local().expect("an address");
    let address: Ipv6Addr = address.trim_end_matches("/64").parse().unwrap();
    let file = format!("/sys/class/net/{CLIENT_INTERFACE}/ifindex");
    let scope: u32 = lab.client.run("cat", &[&file]).unwrap().trim().parse().unwrap();
    say_hello(&lab, SocketAddrV6::new(address, 443, 0, scope));
    std::thread::sleep(SILENCE);
    say_hello(&lab, (SERVER_V6, 443));
    assert!(wait_until(DEADLINE, || !destinations(&agent).is_empty()), "{}", agent.log());

    // An address that comes later.
    let later = Ipv4Addr::new(198, 51, 100, 1);
    let add =
        |address: &str, interface| ["addr", "add", address, "dev", interface].map(str::to_owned);
    for (side, arguments) in [
        (&lab.server, add("198.51.100.1/24", SERVER_INTERFACE)),
        (&lab.client, add("198.51.100.2/24", CLIENT_INTERFACE)),
    ] {
        side.run("ip", &arguments.each_ref().map(String::as_str)).unwrap();
    }
    let seen = || {
        say_hello(&lab, (later, 443));
        destinations(&agent).contains(&later.into())
    };
    assert!(wait_until(DEADLINE, seen), "{}", agent.log());

    let seen = destinations(&agent);
    assert_eq!(seen.first(), Some(&SERVER_V6.into()));
    assert!(seen.iter().skip(1).all(|address| *address == IpAddr::from(later)), "{seen:?}");
    agent.stop().unwrap();
}

#[test]
fn what_libpcap_drops_is_in_the_ledger() {
    let lab = Lab::new(&Link::default()).unwrap();
    let agent = start(&lab);
    let hello = Hello::browser().record();
    let frames: Vec<_> = (0..4_000_u16)
        .flat_map(|number| {
            let (client, server) = ((CLIENT_V4, 10_000 + number).into(), (SERVER_V4, 443).into());
            let data = Packet::data(client, server, 1, hello.as_slice());
            [Packet::syn(client, server, 0).frame(), data.frame()]
        })
        .collect();
    let capture = lab.directory().join("flood.pcap");
    fs::write(&capture, captures::pcap(1, &frames)).unwrap();
    let capture = capture.to_str().expect("a path");

    // While nobody reads.
    agent.signal(libc::SIGSTOP);
    let arguments = ["--quiet", "--topspeed", "--intf1", CLIENT_INTERFACE, capture];
    lab.client.run("tcpreplay", &arguments).unwrap();
    agent.signal(libc::SIGCONT);
    agent.wait_for(1, DEADLINE, |_| true).unwrap();
    let ended = agent.stop().unwrap();
    let (_, lost) = ended.ledger.split_once("kernel lost ").expect("a loss");
    let (count, rest) = lost.split_once(' ').expect("a number");
    assert!(rest.starts_with("pcap_buffer_full"), "{}", ended.ledger);
    let count: u64 = count.parse().unwrap();
    assert_eq!((ended.seen, ended.handed_up + count), (8_000, 8_000), "{ended:?}");
    assert!(!ended.records.is_empty() && ended.records.len() < 4_000, "{}", ended.ledger);
}
