//! The agent from its start to its end on a kernel that nobody else uses: attached as it should be,
//! every hello recorded, every connection accounted for, nothing left behind.
//!
//! It needs no program but the agent, so that it runs in the virtual machines of `cargo xtask vm`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends where it goes wrong, and tells the machine's console what it counted"
)]

#[cfg(test)]
mod remains;
#[cfg(test)]
mod rtnl;
#[cfg(test)]
mod site;
#[cfg(test)]
mod traffic;
#[cfg(test)]
mod tunnel;
#[cfg(test)]
mod wireguard;

use ja4sentinel_tests::agent::Agent;
use remains::Loaded;
use site::{SERVER, SERVER_VLAN, Site};
use traffic::{Scene, Sent};
use tunnel::TUNNELS;

/// Major and minor version of this kernel.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse());
    (numbers.next().unwrap().unwrap(), numbers.next().unwrap().unwrap())
}

#[test]
fn ebpf_sees_every_hello_and_leaves_nothing_behind() {
    let site = Site::new();
    let before = Loaded::now();
    for interface in [SERVER, SERVER_VLAN] {
        let agent = site.watch("ebpf", interface);
        if interface == SERVER {
            remains::is_attached(&site);
        }
        assert_ne!(Loaded::now(), before);
        account(&site, agent, "ebpf", interface, traffic::pass);
        remains::nothing_is_left(&site, interface, &before);
    }
}

#[test]
fn libpcap_sees_every_hello_too() {
    let site = Site::new();
    let before = Loaded::now();
    for interface in [SERVER, SERVER_VLAN] {
        let agent = site.watch("pcap", interface);
        account(&site, agent, "pcap", interface, traffic::pass);
        remains::nothing_is_left(&site, interface, &before);
    }
}

#[test]
fn so_do_both_on_tunnels_of_the_kernel() {
    for tunnel in &TUNNELS {
        let (site, name) = (Site::new(), tunnel.name);
        let dug = tunnel.dig(&site);
        if !tunnel.is_there() {
            assert!(dug.is_err(), "this kernel has {name} after all");
            println!("\n@tunnel no {name}");
            continue;
        }
        dug.unwrap_or_else(|error| panic!("{name}: {error}"));
        let before = Loaded::now();
        if !tunnel.backends().contains(&"ebpf") {
            tunnel.is_refused(&site);
        }
        for backend in tunnel.backends() {
            let agent = site.watch(backend, name);
            account(&site, agent, backend, name, |scene| traffic::pass_through(tunnel, scene));
            remains::nothing_is_left(&site, name, &before);
        }
        println!("\n@tunnel {name} ({})", tunnel.backends().join(", "));
    }
}

/// Sends everything, ends the agent, and compares its ledger with what was sent.
fn account(
    site: &Site,
    agent: Agent,
    backend: &str,
    interface: &str,
    pass: impl Fn(&Scene<'_>) -> Sent,
) {
    let sent = pass(&Scene { site, agent: &agent, backend, interface });
    let ended = agent.stop().unwrap();
    sent.is_accounted_for(&ended);
    println!("\n@ledger {backend}/{interface}: {}", ended.ledger);
}
