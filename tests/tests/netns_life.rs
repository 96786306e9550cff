//! How the agent leaves the host: nothing attached after a signal, nothing harmed after a crash.

#![expect(clippy::expect_used, reason = "a test ends where it goes wrong")]
use aya::programs::{SchedClassifier, TcAttachType};
use ja4sentinel_tests::agent::{Agent, built_binary};
use ja4sentinel_tests::clients;
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};
use ja4sentinel_tests::scene::Scene;
use ja4sentinel_tests::servers::Settings;

/// Names of the programs attached at the interface's ingress, by TCX and by clsact filters.
fn attached(lab: &Lab) -> Vec<String> {
    let tcx = lab
        .server
        .inside(|| SchedClassifier::query_tcx(SERVER_INTERFACE, TcAttachType::Ingress))
        .expect("the server's namespace");
    // A kernel before 6.6 has no TCX to ask.
    let programs = tcx.map(|(_, programs)| programs).unwrap_or_default();
    let mut names: Vec<String> =
        programs.iter().filter_map(|program| program.name_as_str().map(str::to_owned)).collect();
    let filters = lab.server.run("tc", &["filter", "show", "dev", SERVER_INTERFACE, "ingress"]);
    let filters = filters.unwrap_or_default();
    names.extend(filters.lines().filter(|line| line.contains("bpf")).map(str::to_owned));
    names
}

#[test]
fn a_signal_detaches() {
    let lab = Lab::new(&Link::default()).unwrap();
    let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "ebpf"];
    let before = lab.server.run("tc", &["qdisc", "show", "dev", SERVER_INTERFACE]).unwrap();
    let agent = Agent::start(&lab.server, &built_binary().unwrap(), &arguments).unwrap();
    assert_eq!(attached(&lab).len(), 1);
    agent.stop().unwrap();
    assert_eq!(attached(&lab), Vec::<String>::new());
    let after = lab.server.run("tc", &["qdisc", "show", "dev", SERVER_INTERFACE]).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_killed_agent_harms_nobody_and_the_next_one_starts_clean() {
    let scene = Scene::new(&Link::default(), &Settings::default(), "ebpf").unwrap();
    let openssl = clients::by_name("openssl").expect("a known client");
    assert_eq!(scene.connect(openssl, SERVER_V4.into(), 1).unwrap().len(), 1);
    let lab = &scene.lab;
    scene.agent().signal(libc::SIGKILL);

    let finished = openssl.run(lab, &openssl.host(), 443).unwrap();
    assert!(finished.success(), "the network still works: {finished:?}");

    let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "ebpf"];
    let next = Agent::start(&lab.server, &built_binary().unwrap(), &arguments).unwrap();
    assert_eq!(attached(lab).len(), 1, "nothing of the killed agent's is left");
    let finished = openssl.run(lab, &openssl.host(), 443).unwrap();
    assert!(finished.success());
    assert_eq!(next.stop().unwrap().records.len(), 1);
    assert_eq!(attached(lab), Vec::<String>::new());
}

#[test]
fn two_agents_on_one_interface_both_see_the_hello() {
    let scene = Scene::new(&Link::default(), &Settings::default(), "ebpf").unwrap();
    let arguments = ["--interface", SERVER_INTERFACE, "--ports", "443", "--backend", "ebpf"];
    let second = Agent::start(&scene.lab.server, &built_binary().unwrap(), &arguments).unwrap();
    let openssl = clients::by_name("openssl").expect("a known client");
    let first_records = scene.connect(openssl, SERVER_V4.into(), 1).unwrap();
    let second_records = second.stop().unwrap().records;
    assert_eq!(first_records.len(), 1);
    assert_eq!(second_records.len(), 1);
    assert_eq!(first_records[0]["ja4"], second_records[0]["ja4"]);
    scene.end().unwrap();
}
