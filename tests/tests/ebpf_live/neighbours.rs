//! Programs and rules of others on the same interface: they keep working, stay where they are, and
//! take away only what they have first.

use std::net::SocketAddr;

use aya::Ebpf;
use aya::programs::tc::{NlOptions, SchedClassifierLink, TcAttachOptions};
use aya::programs::{LinkOrder, SchedClassifier, TcAttachType};
use ja4sentinel::capture::ebpf::{Attach, EbpfSource, How, Order, PROGRAMS, Placement};
use ja4sentinel_tests::netns::{Lab, Link, SERVER_INTERFACE, SERVER_V4};

use crate::program_support;
use crate::support::{drain, hello, open_placed, send, try_to_send, with_payload};

const TC_ACT_UNSPEC: i32 = -1;
const TC_ACT_OK: i32 = 0;
const TC_ACT_SHOT: i32 = 2;

fn server() -> SocketAddr {
    SocketAddr::new(SERVER_V4.into(), 443)
}

fn tcx(order: Order) -> Placement {
    Placement { attach: Attach::Tcx, order, ..Placement::default() }
}

fn clsact(priority: u16) -> Placement {
    Placement { attach: Attach::Clsact, priority, ..Placement::default() }
}

fn watch(placement: Placement) -> EbpfSource {
    open_placed(&[SERVER_INTERFACE], [443], placement)
}

/// A classifier of another program's, attached until it is dropped.
struct Theirs {
    _link: SchedClassifierLink,
    _object: Ebpf,
}

const THEIRS: &str = "theirs";

impl Theirs {
    fn attach(verdict: i32, options: TcAttachOptions) -> Self {
        let object = program_support::returning("classifier", THEIRS, verdict);
        let mut object = Ebpf::load(&object).unwrap();
        let filter: &mut SchedClassifier = object.program_mut(THEIRS).unwrap().try_into().unwrap();
        filter.load().unwrap();
        let ingress = TcAttachType::Ingress;
        let id = filter.attach_with_options(SERVER_INTERFACE, ingress, options).unwrap();
        Self { _link: filter.take_link(id).unwrap(), _object: object }
    }

    fn tcx(verdict: i32, order: LinkOrder) -> Self {
        Self::attach(verdict, TcAttachOptions::TcxOrder(order))
    }

    fn filter(verdict: i32, priority: u16) -> Self {
        let options = NlOptions { priority, ..NlOptions::default() };
        Self::attach(verdict, TcAttachOptions::Netlink(options))
    }
}

/// Names of the TCX programs at the ingress, in order.
fn order() -> Vec<String> {
    let programs = SchedClassifier::query_tcx(SERVER_INTERFACE, TcAttachType::Ingress).unwrap().1;
    programs.iter().map(|one| one.name_as_str().unwrap().to_owned()).collect()
}

fn tc(lab: &Lab, words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    lab.server.run("tc", &words).unwrap()
}

fn filters(lab: &Lab) -> String {
    tc(lab, &format!("filter show dev {SERVER_INTERFACE} ingress"))
}

/// The handles of clsact filters that bear one of our names, with their priorities.
fn ours(lab: &Lab) -> Vec<(u16, u32)> {
    let text = filters(lab);
    let lines = text.lines().filter(|line| line.contains(PROGRAMS[0]));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let word = |words: &[&str], name: &str| {
        let at = words.iter().position(|word| *word == name).unwrap();
        words[at + 1].to_owned()
    };
    let hexadecimal = |text: String| u32::from_str_radix(text.trim_start_matches("0x"), 16);
    words
        .map(|words| {
            (word(&words, "pref").parse().unwrap(), hexadecimal(word(&words, "handle")).unwrap())
        })
        .collect()
}

#[test]
fn the_place_among_tcx_programs_is_as_configured() {
    let lab = Lab::new(&Link::default()).unwrap();
    let inside = || {
        let _theirs = Theirs::tcx(TC_ACT_UNSPEC, LinkOrder::first());
        for (place, expected) in
            [(Order::First, [PROGRAMS[0], THEIRS]), (Order::Last, [THEIRS, PROGRAMS[0]])]
        {
            let mut source = watch(tcx(place));
            assert_eq!(order(), expected);
            assert!(source.attached().all(|one| one.how == How::Tcx));
            send(&lab, server(), &hello(500));
            assert_eq!(with_payload(&drain(&mut source)), 1, "{place:?}");
            drop(source);
            assert_eq!(order(), [THEIRS]);
        }
    };
    lab.server.inside(inside).unwrap();
}

#[test]
fn what_a_tcx_program_drops_is_seen_only_from_before_it() {
    let lab = Lab::new(&Link::default()).unwrap();
    let inside = || {
        for (ours, verdict, delivered, seen) in [
            // Theirs is last: we see what it drops.
            (Order::First, TC_ACT_SHOT, false, true),
            (Order::Last, TC_ACT_SHOT, false, false),
            // It ends the row of programs, and lets the packet pass.
            (Order::First, TC_ACT_OK, true, true),
            (Order::Last, TC_ACT_OK, true, false),
            (Order::Last, TC_ACT_UNSPEC, true, true),
        ] {
            let theirs = match ours {
                Order::First => Theirs::tcx(verdict, LinkOrder::last()),
                Order::Last => Theirs::tcx(verdict, LinkOrder::first()),
            };
            let mut source = watch(tcx(ours));
            let arrived = try_to_send(&lab, server(), &hello(500));
            assert_eq!(arrived, delivered, "{ours:?} {verdict}");
            let packets = drain(&mut source);
            let counted = source.kernel_counters().unwrap();
            let passed = counted.get(ja4sentinel_common::Counter::Packets) > 0;
            assert_eq!(passed, seen, "{ours:?} {verdict}");
            assert_eq!(with_payload(&packets), usize::from(seen && delivered), "{verdict}");
            drop((theirs, source));
        }
        assert_eq!(order(), Vec::<String>::new());
    };
    lab.server.inside(inside).unwrap();
}

#[test]
fn a_clsact_filter_has_its_own_priority_and_handle() {
    let lab = Lab::new(&Link::default()).unwrap();
    let inside = || {
        let mut source = watch(clsact(Placement::PRIORITY));
        assert_eq!(order(), Vec::<String>::new());
        let [(1, handle)] = ours(&lab)[..] else { panic!("{}", filters(&lab)) };
        assert_eq!(handle >> 16, 0x6a61, "{handle:#x}");
        assert!(source.attached().all(|one| one.how == How::Clsact { priority: 1 }));
        send(&lab, server(), &hello(500));
        assert_eq!(with_payload(&drain(&mut source)), 1);

        // A second agent has a handle of its own at the same priority, and another one elsewhere.
        let mut second = watch(clsact(Placement::PRIORITY));
        let third = watch(clsact(77));
        let all = ours(&lab);
        let priorities: Vec<u16> = all.iter().map(|(priority, _)| *priority).collect();
        assert_eq!(priorities, [1, 1, 77], "{}", filters(&lab));
        assert!(all.iter().all(|(_, one)| all.iter().filter(|(_, same)| same == one).count() == 1));
        send(&lab, server(), &hello(500));
        assert_eq!(with_payload(&drain(&mut source)), 1);
        assert_eq!(with_payload(&drain(&mut second)), 1);
        drop((second, third));
        assert_eq!(ours(&lab), [(1, handle)]);
        drop(source);
        assert_eq!(filters(&lab), "");
    };
    lab.server.inside(inside).unwrap();
}

#[test]
fn what_a_filter_drops_is_seen_only_from_before_it() {
    let lab = Lab::new(&Link::default()).unwrap();
    tc(&lab, &format!("qdisc add dev {SERVER_INTERFACE} clsact"));
    let inside = || {
        for (ours, delivered, seen) in [(49, false, true), (51, false, false)] {
            let theirs = Theirs::filter(TC_ACT_SHOT, 50);
            let mut source = watch(clsact(ours));
            assert_eq!(try_to_send(&lab, server(), &hello(500)), delivered);
            drain(&mut source);
            let counted = source.kernel_counters().unwrap();
            let passed = counted.get(ja4sentinel_common::Counter::Packets) > 0;
            assert_eq!(passed, seen, "priority {ours}");
            drop(source);
            assert!(filters(&lab).contains(THEIRS), "theirs stays");
            drop(theirs);
        }
    };
    lab.server.inside(inside).unwrap();
}

/// Rules as an administrator makes them: one drops a port, one sends another port's packets to
/// another interface, one lets pass. They work before, while and after the agent is there, whichever
/// way it is attached, and stand in the same place.
#[test]
fn rules_made_by_iproute2_keep_working() {
    let lab = Lab::new(&Link::default()).unwrap();
    for words in
        ["link add their0 type veth peer name their1", "link set their0 up", "link set their1 up"]
    {
        lab.server.run("ip", &words.split(' ').collect::<Vec<_>>()).unwrap();
    }
    let add = |words: &str| {
        tc(&lab, &format!("filter add dev {SERVER_INTERFACE} ingress {words}"));
    };
    tc(&lab, &format!("qdisc add dev {SERVER_INTERFACE} clsact"));
    // Classic BPF, as programs of that kind are dropped by their own verdict: 2 is "drop".
    let drops_444 = "4,40 0 0 36,21 0 1 444,6 0 0 2,6 0 0 4294967295,";
    let bpf = "filter add dev server0 ingress prio 5 protocol ip bpf da bytecode";
    let words: Vec<&str> = bpf.split(' ').chain([drops_444]).collect();
    lab.server.run("tc", &words).unwrap();
    add(
        "prio 6 protocol ip u32 match ip dport 445 0xffff action mirred egress redirect dev their0",
    );
    add("prio 8 protocol ip u32 match u32 0 0 flowid 1:1");
    let before = filters(&lab);
    let redirected = || {
        let text = lab.server.run("ip", &["-s", "-j", "link", "show", "their1"]).unwrap();
        let said: serde_json::Value = serde_json::from_str(&text).unwrap();
        said[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
    };
    let rules_work = || {
        assert!(!try_to_send(&lab, SocketAddr::new(SERVER_V4.into(), 444), &hello(500)));
        let seen = redirected();
        assert!(!try_to_send(&lab, SocketAddr::new(SERVER_V4.into(), 445), &hello(500)));
        assert!(redirected() > seen, "445 goes elsewhere");
        send(&lab, server(), &hello(500));
    };
    let inside = || {
        rules_work();
        // Priority 5 is for another kind of filters, so that the next one is taken, and 6 as well.
        let taken = Placement { priority: 5, ..clsact(5) };
        for (placement, priority) in [
            (tcx(Order::First), None),
            (tcx(Order::Last), None),
            (clsact(1), Some(1)),
            (taken, Some(7)),
        ] {
            let mut source = watch(placement);
            assert_eq!(ours(&lab).first().map(|(priority, _)| *priority), priority);
            rules_work();
            assert_eq!(with_payload(&drain(&mut source)), 1, "{placement:?}");
            let left = listing(&filters(&lab));
            assert_eq!(left, listing(&before), "{placement:?}");
            drop(source);
            rules_work();
            assert_eq!(filters(&lab), before, "{placement:?}");
        }
    };
    lab.server.inside(inside).unwrap();
}

/// The lines of a listing, without those of our own filters.
fn listing(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.contains(PROGRAMS[0]) {
            // The line of its priority, which has no handle, stands before it.
            lines.pop();
        } else {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// An ingress qdisc is the older half of clsact, and has its place.
#[test]
fn an_ingress_qdisc_is_used_as_it_is() {
    let lab = Lab::new(&Link::default()).unwrap();
    tc(&lab, &format!("qdisc add dev {SERVER_INTERFACE} ingress"));
    let before = tc(&lab, &format!("qdisc show dev {SERVER_INTERFACE}"));
    let inside = || {
        let mut source = watch(clsact(1));
        send(&lab, server(), &hello(500));
        assert_eq!(with_payload(&drain(&mut source)), 1);
    };
    lab.server.inside(inside).unwrap();
    assert_eq!(tc(&lab, &format!("qdisc show dev {SERVER_INTERFACE}")), before);
    assert_eq!(filters(&lab), "");
}

/// Two agents, one of them killed: the next start removes what the killed one left, and leaves the
/// running one its own.
#[test]
fn only_a_dead_agents_filters_are_removed() {
    let lab = Lab::new(&Link::default()).unwrap();
    let inside = || {
        let dead = watch(clsact(1));
        let mut running = watch(clsact(1));
        let mut both = ours(&lab);
        both.sort();
        // Numbers are given out in order.
        let [left, kept] = both[..] else { panic!("{}", filters(&lab)) };
        // The kernel frees a killed agent's number, and nothing removes its filter.
        let filter = leave_as_killed(dead, left);
        assert_eq!(ours(&lab).len(), 2, "{}", filters(&lab));
        // One of our name that no agent of ours can have made.
        let _foreign = foreign_filter();

        let next = watch(clsact(3));
        let all = ours(&lab);
        assert!(all.contains(&kept), "the running agent's: {}", filters(&lab));
        assert!(!all.contains(&left), "the dead agent's: {}", filters(&lab));
        assert!(all.iter().any(|(priority, _)| *priority == 9), "others': {}", filters(&lab));
        send(&lab, server(), &hello(500));
        assert_eq!(with_payload(&drain(&mut running)), 1);
        drop((next, filter));
        assert!(ours(&lab).contains(&kept));
    };
    lab.server.inside(inside).unwrap();
}

/// Ends an agent as a kill does: its number is free again, its filter stays.
fn leave_as_killed(agent: EbpfSource, (priority, handle): (u16, u32)) -> Ebpf {
    drop(agent);
    our_program(priority, handle)
}

fn foreign_filter() -> Ebpf {
    our_program(9, 1)
}

/// Our program as a filter that nothing removes.
fn our_program(priority: u16, handle: u32) -> Ebpf {
    use ja4sentinel::capture::ebpf::OBJECT;
    let mut object = aya::EbpfLoader::new().load(OBJECT).unwrap();
    let classifier: &mut SchedClassifier =
        object.program_mut(PROGRAMS[0]).unwrap().try_into().unwrap();
    classifier.load().unwrap();
    let options = NlOptions { priority, handle: handle.into(), classid: None };
    let options = TcAttachOptions::Netlink(options);
    let id =
        classifier.attach_with_options(SERVER_INTERFACE, TcAttachType::Ingress, options).unwrap();
    std::mem::forget(classifier.take_link(id).unwrap());
    object
}
