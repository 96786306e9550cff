//! What happens at the program's limits: nothing is lost without a name.

use std::net::SocketAddr;
use std::time::Duration;

use ja4sentinel::capture::ebpf::{EbpfError, EbpfSource, Options};
use ja4sentinel_common::{Config, Counter};
use ja4sentinel_tests::frames::Packet;
use ja4sentinel_tests::privilege;

use crate::bench::{Bench, client4, data, hello, server, small, syn};

/// The client's end number `number`.
fn client(number: u16) -> SocketAddr {
    let mut client = client4();
    client.set_port(1024 + number);
    client
}

#[test]
fn a_full_ring_loses_connections_by_name_and_harms_no_other() {
    // Room for five hellos of 600 bytes with their SYN.
    let mut bench = Bench::with(&Options { ring_bytes: 4096, ..small() });
    assert_eq!(bench.waiting(), 0);
    for number in 0..20 {
        bench.pass(&syn(client(number), 100).frame());
        bench.pass(&data(client(number), 101, &hello(1000)[..500]).frame());
    }
    let full = bench.counters();
    let taken = full.get(Counter::ConnectionsWithSyn);
    let lost = full.get(Counter::ConnectionsLost);
    assert_eq!(taken, 20);
    assert!((10..20).contains(&lost), "{lost} of {taken} lost");
    assert_eq!(full.get(Counter::RingFull), lost);
    assert_eq!(full.get(Counter::HandedUp), taken - lost);
    assert!((3000..=4096).contains(&bench.waiting()), "{} bytes wait", bench.waiting());
    assert_eq!(bench.drain(), usize::try_from(2 * (taken - lost)).unwrap());
    assert_eq!(bench.waiting(), 0);

    // The rest of those that were handed up is wanted, that of the others is not.
    for number in 0..20 {
        bench.pass(&data(client(number), 601, &hello(1000)[500..]).frame());
    }
    let after = bench.counters();
    assert_eq!(after.get(Counter::Settled), lost);
    assert_eq!(after.get(Counter::HandedUp), 2 * (taken - lost));
    bench.verdicts_add_up();
}

#[test]
fn a_full_ring_in_mid_hello_gives_up_nothing() {
    let mut bench = Bench::with(&Options { ring_bytes: 4096, ..small() });
    bench.pass(&syn(client(0), 100).frame());
    for segment in 0_u32..20 {
        bench.pass(&data(client(0), 101 + segment * 500, &hello(15_000)[..500]).frame());
    }
    let counters = bench.counters();
    assert_eq!(counters.get(Counter::ConnectionsLost), 0);
    assert_eq!(counters.get(Counter::HandedUp) + counters.get(Counter::RingFull), 20);
    assert!(counters.get(Counter::RingFull) > 10);
    assert!(bench.drain() > 0);
    bench.pass(&data(client(0), 101 + 20 * 500, [1; 500]).frame());
    assert_eq!(bench.counters().get(Counter::HandedUp), counters.get(Counter::HandedUp) + 1);
}

#[test]
fn a_hello_elsewhere_hides_none_that_belongs_to_an_old_syn() {
    let mut bench = Bench::new(0);
    bench.pass(&syn(client(0), 100).frame());
    std::thread::sleep(Duration::from_millis(3_100));
    // A connection whose SYN was missed, or a ruse: nobody can tell any more.
    bench.pass(&data(client(0), 5_000_000, hello(517)).frame());
    assert_eq!(bench.counters().get(Counter::ConnectionsWithoutSyn), 1);
    bench.pass(&data(client(0), 101, hello(517)).frame());
    assert_eq!(bench.counters().get(Counter::ConnectionsWithSyn), 1);
    bench.verdicts_add_up();
}

#[test]
fn fragments_beyond_their_budget_are_counted() {
    let config = Config { fragment_budget: 10, ..Config::default() };
    let mut bench = Bench::with(&Options { config, ..small() });
    let other = Packet::data(client(0), server(client(0), 80), 1, hello(900));
    for id in 0..1000 {
        let packet = Packet { id, ..data(client(0), 1, hello(900)) };
        packet.fragments(&[400]).iter().for_each(|fragment| bench.pass(fragment));
        // These cost nothing of it.
        let packet = Packet { id: id + 10_000, ..other.clone() };
        packet.fragments(&[400]).iter().for_each(|fragment| bench.pass(fragment));
    }
    let counters = bench.counters();
    let (up, over) = (counters.get(Counter::HandedUp), counters.get(Counter::FragmentBudget));
    assert_eq!(up + over, 2000);
    // Ten a second on each CPU that the loop ran on, over the seconds that it took.
    assert!((10..1000).contains(&up), "{up} handed up");
    assert_eq!(counters.get(Counter::OtherPort), 1000);
    assert_eq!(counters.get(Counter::FragmentUnwanted), 1000);
    bench.verdicts_add_up();
}

#[test]
fn a_connection_that_a_fragment_takes_up_in_vain_is_counted_as_lost() {
    let config = Config { fragment_budget: 0, ..Config::default() };
    let mut bench = Bench::with(&Options { config, ..small() });
    bench.pass(&syn(client(0), 100).frame());
    let packet = data(client(0), 101, hello(900));
    packet.fragments(&[400]).iter().for_each(|fragment| bench.pass(fragment));
    let counters = bench.counters();
    assert_eq!(counters.get(Counter::FragmentBudget), 2);
    assert_eq!(counters.get(Counter::ConnectionsWithSyn), 1);
    assert_eq!(counters.get(Counter::ConnectionsLost), 1);
}

#[test]
fn a_flood_of_syns_pushes_out_no_connection_that_has_begun() {
    let mut bench = Bench::with(&Options { syns: 512, flows: 1024, ..small() });
    bench.pass(&syn(client4(), 100).frame());
    bench.pass(&data(client4(), 101, &hello(1000)[..500]).frame());
    for number in 0..5000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let flooding = SocketAddr::new([a, b, c, 9].into(), 999);
        bench.pass(&Packet::syn(flooding, server(flooding, 443), number).frame());
    }
    bench.pass(&data(client4(), 601, &hello(1000)[500..]).frame());
    let counters = bench.counters();
    assert_eq!(counters.get(Counter::SynKept), 5001);
    assert_eq!(counters.get(Counter::HandedUp), 2);
    assert_eq!(counters.get(Counter::Records), 2, "no SYN of the flood is in the ring");
    // A hello whose SYN was pushed out arrives without it.
    let early = SocketAddr::new([0, 0, 1, 9].into(), 999);
    bench.pass(&Packet::data(early, server(early, 443), 2, hello(517)).frame());
    assert_eq!(bench.counters().get(Counter::ConnectionsWithoutSyn), 1);
}

#[test]
fn two_capabilities_or_three_on_older_kernels_are_enough_and_one_is_not() {
    let row = |bench: &mut Bench| {
        bench.pass(&syn(client4(), 100).frame());
        bench.pass(&data(client4(), 101, hello(517)).frame());
        assert_eq!(bench.drain(), 2);
    };
    // Before 5.11 the limit of locked memory counts, and only root may raise it.
    row(&mut Bench::new(0));
    let two = [privilege::BPF, privilege::NET_ADMIN];
    let enough = privilege::limited_to(&two, || EbpfSource::open(&Options::default()).is_ok());
    if enough.unwrap() {
        privilege::limited_to(&two, || row(&mut Bench::new(0))).unwrap();
    } else {
        // Older verifiers, those of 5.10 and 6.1 among them, let holders of CAP_PERFMON alone
        // compare packet pointers, and follow what never happens of aya-log's messages.
        let three = [privilege::BPF, privilege::NET_ADMIN, privilege::PERFMON];
        privilege::limited_to(&three, || row(&mut Bench::new(0))).unwrap();
    }
    for too_few in [privilege::BPF, privilege::NET_ADMIN] {
        let error = privilege::limited_to(&[too_few], || EbpfSource::open(&small()));
        let error = error.unwrap().err().unwrap();
        assert!(matches!(error, EbpfError::NotPermitted(_)), "{error}");
        assert!(error.to_string().contains("CAP_BPF"), "{error}");
    }
}
