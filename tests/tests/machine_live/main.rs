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

use remains::Loaded;
use site::{SERVER, SERVER_VLAN, Site};
use traffic::Scene;

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
        account(&site, agent, "ebpf", interface);
        remains::nothing_is_left(&site, &before);
    }
}

#[test]
fn libpcap_sees_every_hello_too() {
    let site = Site::new();
    let before = Loaded::now();
    for interface in [SERVER, SERVER_VLAN] {
        let agent = site.watch("pcap", interface);
        account(&site, agent, "pcap", interface);
        remains::nothing_is_left(&site, &before);
    }
}

/// Sends everything, ends the agent, and compares its ledger with what was sent.
fn account(site: &Site, agent: ja4sentinel_tests::agent::Agent, backend: &str, interface: &str) {
    let sent = traffic::pass(&Scene { site, agent: &agent, backend, interface });
    let ended = agent.stop().unwrap();
    sent.is_accounted_for(&ended);
    println!("\n@ledger {backend}: {}", ended.ledger);
}
