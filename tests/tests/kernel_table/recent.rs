//! Each CPU remembers which connections it found settled: that this changes no verdict.

use std::net::SocketAddr;

use ja4sentinel::capture::ebpf::Options;
use ja4sentinel_common::Counter::{self, *};
use ja4sentinel_tests::frames::{Packet, flags};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::bench::{
    ANSWER, Bench, Row, application_data, client4, client6, data, flagged, hello, small, syn,
};

/// The CPUs that this test may run on.
fn cpus() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
    (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap()).collect()
}

/// Runs this test's thread on one of them.
fn go_to(cpu: usize) {
    let mut only = CpuSet::new();
    only.set(cpu).unwrap();
    sched_setaffinity(Pid::from_raw(0), &only).unwrap();
}

/// The client's end number `number`.
fn client(number: u32) -> SocketAddr {
    let [_, a, b, c] = number.to_be_bytes();
    SocketAddr::new([10, a, b, c].into(), 40_000)
}

/// What becomes of a frame.
fn verdict(bench: &mut Bench, packet: &Packet) -> Counter {
    bench.see(Row::PROGRAMS[0], &packet.frame()).verdict
}

/// Bulk data of a connection that began with this sequence number, after the server's answer.
fn bulk(client: SocketAddr, first: u32) -> Packet {
    data(client, first + 517, application_data(1400)).acknowledging(ANSWER + 1000)
}

/// SYN, hello, and bulk data until nothing more is to be learnt from it.
fn settle(bench: &mut Bench, client: SocketAddr, first: u32) {
    let hello = data(client, first, hello(517));
    let expected = [SynKept, HandedUp, Settled, Settled, Settled];
    let bulk = || bulk(client, first);
    let packets = [syn(client, first - 1), hello, bulk(), bulk(), bulk()];
    assert_eq!(packets.map(|packet| verdict(bench, &packet)), expected, "{client}");
}

#[test]
fn a_settled_connection_is_remembered_without_its_entry_until_something_begins() {
    go_to(cpus()[0]);
    let mut bench = Bench::with(&Options { flows: 512, ..small() });
    let clients = || (0..400).map(client);
    clients().for_each(|client| settle(&mut bench, client, 101));
    // Others push them out of the table, and use all generations but some.
    for other in (10_000..11_000).map(client) {
        for packet in [data(other, 101, hello(517)), data(other, 618, application_data(9))] {
            assert_eq!(verdict(&mut bench, &packet), HandedUp);
        }
    }
    let (mut remembered, mut forgotten) = (0, 0);
    for client in clients() {
        match verdict(&mut bench, &bulk(client, 101)) {
            Settled => remembered += 1,
            UnknownConnection => {
                forgotten += 1;
                continue;
            }
            other => panic!("{client}: {}", other.label()),
        }
        if remembered % 2 == 0 {
            settle(&mut bench, client, 9_000_001);
        } else {
            // Read the long way, which looks into the table; what follows is not.
            let last = flagged(data(client, 9_000_001, hello(517)), flags::FIN);
            assert_eq!(verdict(&mut bench, &last), HandedUp);
            let overtaken = data(client, 9_000_518, [0; 10]);
            assert_eq!(verdict(&mut bench, &overtaken), HandedUp);
        }
    }
    assert!(remembered > 10 && forgotten > 300, "{remembered} and {forgotten}");
    bench.verdicts_add_up();
}

#[test]
fn what_happens_on_another_cpu_counts_on_this_one() {
    let cpus = cpus();
    let (here, there) = (cpus[0], cpus[cpus.len() - 1]);
    let mut bench = Bench::new(0);
    for client in [client4(), client6()] {
        let on = |cpu, bench: &mut Bench, packet: &Packet| {
            go_to(cpu);
            verdict(bench, packet)
        };
        go_to(here);
        settle(&mut bench, client, 101);
        for cpu in [there, there, here] {
            assert_eq!(on(cpu, &mut bench, &bulk(client, 101)), Settled);
        }

        // A new connection between the same ends.
        let hello = |first| data(client, first, hello(517));
        assert_eq!(on(there, &mut bench, &syn(client, 20_000_000)), SynKept);
        assert_eq!(on(here, &mut bench, &hello(20_000_001)), HandedUp);
        assert_eq!(on(there, &mut bench, &bulk(client, 20_000_001)), Settled);
        for cpu in [here, there, here, there] {
            assert_eq!(on(cpu, &mut bench, &bulk(client, 20_000_001)), Settled);
        }

        // Its SYN has the payload with it.
        let fast_open = Packet { payload: hello(1).payload, ..syn(client, 30_000_000) };
        assert_eq!(on(there, &mut bench, &fast_open), HandedUp);
        assert_eq!(on(here, &mut bench, &data(client, 30_000_518, [0x17])), HandedUp);
        for cpu in [here, there, here, there] {
            let later = bulk(client, 30_000_002).acknowledging(ANSWER + 9000);
            assert_eq!(on(cpu, &mut bench, &later), Settled);
        }

        // It ends, and another one begins whose SYN was missed.
        let fin = flagged(data(client, 30_002_000, []), flags::FIN);
        assert_eq!(on(there, &mut bench, &fin), Settled);
        assert_eq!(on(here, &mut bench, &bulk(client, 30_002_000)), UnknownConnection);
        assert_eq!(on(here, &mut bench, &hello(40_000_001)), HandedUp);
    }
    bench.verdicts_add_up();
}

#[test]
fn connections_that_share_a_place_are_not_taken_for_each_other() {
    go_to(cpus()[0]);
    let mut bench = Bench::new(0);
    // More than there are places.
    let clients = || (0..2000).map(|number| (number, client(number)));
    let begun = |client| data(client, 101, &hello(1800)[..1000]);
    let going_on = |client| data(client, 1101, [0; 10]);
    for (number, client) in clients() {
        match number % 2 {
            0 => settle(&mut bench, client, 101),
            _ => assert_eq!(verdict(&mut bench, &begun(client)), HandedUp),
        }
    }
    for _ in 0..3 {
        for (number, client) in clients() {
            match number % 2 {
                0 => assert_eq!(verdict(&mut bench, &bulk(client, 101)), Settled, "{client}"),
                _ => assert_eq!(verdict(&mut bench, &going_on(client)), HandedUp, "{client}"),
            }
        }
    }
    bench.verdicts_add_up();
}
