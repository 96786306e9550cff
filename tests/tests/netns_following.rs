//! Interfaces that come, go, and change under the running agent, as they do on a host of containers.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::hellos::Hello;
use ja4sentinel_tests::load::under_load;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_V4};
use ja4sentinel_tests::process::wait_until;
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(15);
/// How long a client tries to reach a server.
const PATIENCE: Duration = Duration::from_secs(5);
const WAYS: [&str; 2] = ["tcx", "clsact"];
const PORT: u16 = 443;

/// One test at a time: all that changes an interface waits for one lock of the kernel, and what is
/// tested here is how soon something is done.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(lab: &Lab, interfaces: &str, way: &str) -> Agent {
    let config = lab.directory().join("config.yml");
    let core = format!("interface: {interfaces}, listen_ports: {PORT}, attach: {way}");
    fs::write(&config, format!("core: {{{core}, backend: ebpf}}\n")).expect("a file");
    let arguments = ["--config", config.to_str().expect("a path")];
    Agent::start(&lab.server, &built_binary().expect("the agent"), &arguments).expect("an agent")
}

fn ip(lab: &Lab, words: &str) {
    lab.server.run("ip", &words.split(' ').collect::<Vec<_>>()).expect("ip");
}

/// A pair of interfaces as a container has one: `name` in the server's namespace, its peer in the
/// client's, both up, with addresses of a network of their own. Gives the server's address.
fn container(lab: &Lab, name: &str, number: u8) -> Ipv4Addr {
    let client = lab.client.path();
    let client = client.file_name().and_then(|name| name.to_str()).expect("a name");
    let server = Ipv4Addr::new(198, 51, 100, 4 * number + 1);
    let peer = Ipv4Addr::new(198, 51, 100, 4 * number + 2);
    ip(lab, &format!("link add {name} type veth peer name peer{number} netns {client}"));
    ip(lab, &format!("addr add {server}/30 dev {name}"));
    ip(lab, &format!("link set {name} up"));
    let peer_is = |words: &str| {
        lab.client.run("ip", &words.split(' ').collect::<Vec<_>>()).expect("ip");
    };
    peer_is(&format!("addr add {peer}/30 dev peer{number}"));
    peer_is(&format!("link set peer{number} up"));
    server
}

/// A client sends its hello to this address, and the server closes.
fn hello(lab: &Lab, server: Ipv4Addr) {
    let address = SocketAddr::from((server, PORT));
    let listener = lab.server.inside(|| TcpListener::bind(address)).expect("the namespace");
    let listener = listener.expect("an address to listen at");
    let mut client = lab
        .client
        .inside(|| TcpStream::connect_timeout(&address, PATIENCE))
        .expect("the namespace")
        .expect("a connection");
    client.write_all(&Hello::browser().record()).expect("a hello that is sent");
    client.shutdown(Shutdown::Write).expect("an end");
    let (mut stream, _) = listener.accept().expect("a client");
    stream.read_to_end(&mut Vec::new()).expect("all of it");
}

/// The records of connections to this address; as many as are asked for.
fn records(agent: &Agent, server: Ipv4Addr, count: usize) -> Vec<Value> {
    let server = server.to_string();
    let records = agent.wait_for(count, DEADLINE, |record| record["dst_ip"] == *server);
    let records = records.expect("records");
    assert_eq!(records.len(), count, "{server}: {}", agent.log());
    records
}

fn says(agent: &Agent, what: &str, interface: &str) {
    let name = format!("\"interface\":\"{interface}\"");
    let said = || {
        agent
            .log()
            .lines()
            .any(|line| line.contains(&format!("\"{what}\"")) && line.contains(&name))
    };
    assert!(wait_until(DEADLINE, said), "{what} {interface}: {}", agent.log());
}

/// Nothing is waited for between the making of an interface and its first hello.
#[test]
fn a_hello_right_after_an_interfaces_creation_is_caught() {
    let _alone = alone();
    for way in WAYS {
        let lab = Lab::new(&Link::default()).unwrap();
        let agent = start(&lab, "veth*", way);
        for number in 0..10 {
            let name = format!("veth{number:x}");
            let server = container(&lab, &name, number);
            hello(&lab, server);
            let record = &records(&agent, server, 1)[0];
            assert_eq!(record["interface"], *name, "{way}");
            assert_eq!(record["meta_source"], "syn", "{way}: also its SYN was seen");
        }
        agent.stop().unwrap();
    }
}

#[test]
fn renamed_switched_and_moved_interfaces_are_followed() {
    let _alone = alone();
    for way in WAYS {
        let lab = Lab::new(&Link::default()).unwrap();
        let agent = start(&lab, "[veth*, box*]", way);
        let server = container(&lab, "veth7", 7);
        hello(&lab, server);
        assert_eq!(records(&agent, server, 1)[0]["interface"], "veth7", "{way}");

        ip(&lab, "link set veth7 down");
        ip(&lab, "link set veth7 up");
        hello(&lab, server);
        records(&agent, server, 2);

        // Linux renames interfaces that are up since 6.2 only; addresses stay when they are down.
        ip(&lab, "link set veth7 down");
        ip(&lab, "link set veth7 name box7");
        ip(&lab, "link set box7 up");
        says(&agent, "watching", "box7");
        hello(&lab, server);
        assert_eq!(records(&agent, server, 3)[2]["interface"], "box7", "{way}");

        ip(&lab, "link set box7 down");
        ip(&lab, "link set box7 name other7");
        ip(&lab, "link set other7 up");
        says(&agent, "gone", "box7");
        hello(&lab, server);
        ip(&lab, "link set other7 down");
        ip(&lab, "link set other7 name veth7");
        ip(&lab, "link set veth7 up");
        hello(&lab, server);
        assert_eq!(records(&agent, server, 4)[3]["interface"], "veth7", "{way}");

        // Away into another namespace and back at once, under the same index: what was attached
        // there is gone, as the kernel shuts an interface's qdiscs down when it moves.
        let client = lab.client.path();
        let client = client.file_name().and_then(|name| name.to_str()).expect("a name");
        ip(&lab, &format!("link set veth7 netns {client}"));
        let own = lab.server.path();
        let own = own.file_name().and_then(|name| name.to_str()).expect("a name");
        lab.client.run("ip", &["link", "set", "veth7", "netns", own]).unwrap();
        ip(&lab, &format!("addr add {server}/30 dev veth7"));
        ip(&lab, "link set veth7 up");
        hello(&lab, server);
        records(&agent, server, 5);
        ip(&lab, "link del veth7");
        says(&agent, "gone", "veth7");
        let ended = agent.stop().unwrap();
        assert_eq!(ended.records.len(), 5, "{way}: what was called otherwise was not watched");
    }
}

/// Others may tear down what is not theirs: the agent is back at once.
#[test]
fn filters_that_somebody_took_away_are_put_back() {
    let _alone = alone();
    let lab = Lab::new(&Link::default()).unwrap();
    let agent = start(&lab, "server0", "clsact");
    for (number, words) in (1..).zip([
        "filter del dev server0 ingress",
        "qdisc del dev server0 clsact",
        "filter del dev server0 ingress prio 1",
    ]) {
        lab.server.run("tc", &words.split(' ').collect::<Vec<_>>()).unwrap();
        let back = || {
            let filters = ["filter", "show", "dev", "server0", "ingress"];
            lab.server.run("tc", &filters).unwrap().contains("ja4sentinel_eth")
        };
        assert!(wait_until(DEADLINE, back), "{words}: {}", agent.log());
        hello(&lab, SERVER_V4);
        records(&agent, SERVER_V4, number);
        assert_eq!(agent.log().matches("attached once more").count(), number, "{}", agent.log());
    }
    agent.stop().unwrap();
}

/// Containers come and go beside an interface on which clients connect without end.
#[test]
fn other_interfaces_lose_nothing_while_some_come_and_go() {
    let _alone = alone();
    for way in WAYS {
        let lab = Lab::new(&Link::default()).unwrap();
        let agent = start(&lab, "[server0, veth*]", way);
        let server = SocketAddr::from((SERVER_V4, PORT));
        let (seen, connections) = under_load(&lab, &[server], &Hello::browser().record(), || {
            let mut seen = Vec::new();
            for number in 0..20 {
                let name = format!("veth{number}");
                let address = container(&lab, &name, number);
                if number % 4 == 0 {
                    says(&agent, "watching", &name);
                    hello(&lab, address);
                    seen.push(address);
                }
                if number >= 3 {
                    ip(&lab, &format!("link del veth{}", number - 3));
                }
            }
            seen
        })
        .unwrap();
        for address in seen {
            records(&agent, address, 1);
        }
        assert!(connections.len() > 100, "{}", connections.len());
        let recorded = records(&agent, SERVER_V4, connections.len());
        let ports: BTreeSet<_> =
            recorded.iter().filter_map(|one| one["src_port"].as_u64()).collect();
        let lost = connections.iter().filter(|one| !ports.contains(&one.client.port().into()));
        assert_eq!(lost.count(), 0, "{way}");
        let log = agent.log();
        assert!(!log.contains("\"level\":\"warn\""), "{way}: {log}");
        agent.stop().unwrap();
    }
}
