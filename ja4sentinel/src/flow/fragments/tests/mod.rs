//! Tests of the reassembly.

mod golden;

use proptest::prelude::*;

use super::*;
use crate::wire::{IpFacts, Packet, VlanStack, decode_datagram};

const SECOND: u64 = 1_000_000_000;

/// A fragment of datagram 1 over IPv4, with a header of 20 bytes.
fn v4(offset: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
    Fragment {
        timestamp_ns: 1000 + u64::from(offset),
        interface: 2,
        vlan: VlanStack::default(),
        source: [192, 0, 2, 1].into(),
        destination: [192, 0, 2, 2].into(),
        ip: IpFacts {
            ttl: if offset == 0 { 64 } else { 1 },
            total_length: 20 + payload.len() as u32,
            id: Some(1),
            df: Some(false),
        },
        id: 1,
        protocol: 6,
        offset,
        more,
        payload,
        missing: 0,
        depth: 0,
        unverified: false,
    }
}

/// The same over IPv6, with headers of 48 bytes.
fn v6(offset: u32, more: bool, payload: &[u8]) -> Fragment<'_> {
    let fragment = v4(offset, more, payload);
    Fragment {
        source: [1u16; 8].into(),
        destination: [2u16; 8].into(),
        ip: IpFacts { total_length: 48 + payload.len() as u32, id: None, df: None, ..fragment.ip },
        ..fragment
    }
}

fn whole(pushed: Pushed) -> Reassembled {
    match pushed {
        Pushed::Complete(whole) => whole,
        other => panic!("not complete: {other:?}"),
    }
}

fn held(pushed: Pushed) {
    assert!(matches!(pushed, Pushed::Held), "not held: {pushed:?}");
}

fn dropped(pushed: Pushed) -> FragmentLoss {
    match pushed {
        Pushed::Dropped(cause) => cause,
        other => panic!("not dropped: {other:?}"),
    }
}

#[test]
fn either_order_gives_the_facts_of_the_first_and_the_time_of_the_last() {
    for family in [v4, v6] {
        let fragments = [family(0, true, b"01234567"), family(8, false, b"89")];
        for order in [[0, 1], [1, 0]] {
            let mut table = Defragmenter::default();
            held(table.push(&fragments[order[0]], 0));
            let whole = whole(table.push(&fragments[order[1]], 0));
            let fragment = whole.fragment();
            assert_eq!(fragment.payload, b"0123456789");
            assert_eq!((fragment.offset, fragment.more, fragment.ip.ttl), (0, false, 64));
            assert_eq!(fragment.timestamp_ns, fragments[order[1]].timestamp_ns);
            let headers = fragments[0].ip.total_length - 8;
            assert_eq!(fragment.ip.total_length, headers + 10);
            assert_eq!((whole.fragments, whole.conflict), (2, false));
            assert!(table.is_empty() && table.bytes() == 0);
        }
    }
}

#[test]
fn a_first_fragment_too_small_for_the_tcp_header() {
    let mut tcp = vec![0; 20];
    tcp[12] = 0x50;
    tcp.extend(b"hello");
    let mut table = Defragmenter::default();
    held(table.push(&v4(0, true, &tcp[..8]), 0));
    held(table.push(&v4(8, true, &tcp[8..16]), 0));
    let whole = whole(table.push(&v4(16, false, &tcp[16..]), 0));
    match decode_datagram(&whole.fragment(), 0) {
        Ok(Packet::Segment(segment)) => {
            assert_eq!((segment.payload, segment.fragmented), (&b"hello"[..], true));
        }
        other => panic!("no segment: {other:?}"),
    }
}

#[test]
fn duplicates_bring_nothing_and_are_no_overlap() {
    for family in [v4, v6] {
        let mut table = Defragmenter::default();
        for _ in 0..3 {
            held(table.push(&family(0, true, &[7; 16]), 0));
            held(table.push(&family(8, true, &[7; 8]), 0));
        }
        let whole = whole(table.push(&family(16, false, &[9]), 0));
        assert_eq!((whole.fragments, whole.conflict), (2, false));
    }
}

#[test]
fn of_a_conflicting_duplicate_the_first_bytes_stay() {
    for family in [v4, v6] {
        let mut table = Defragmenter::default();
        held(table.push(&family(0, true, b"01234567"), 0));
        held(table.push(&family(0, true, b"abcdefgh"), 0));
        let whole = whole(table.push(&family(8, false, b"89"), 0));
        assert_eq!(whole.fragment().payload, b"0123456789");
        assert!(whole.conflict);
    }
}

#[test]
fn an_overlap_ends_a_datagram() {
    for family in [v4, v6] {
        for (first, second) in [(0, 8), (8, 0)] {
            let mut table = Defragmenter::default();
            held(table.push(&family(first, true, &[1; 16]), 0));
            let again = table.push(&family(second, true, &[1; 16]), 0);
            assert_eq!(dropped(again), FragmentLoss::Overlap);
            assert!(table.is_empty());
            // The sender begins again, and is seen.
            held(table.push(&family(0, true, &[1; 16]), 0));
            let whole = whole(table.push(&family(16, false, &[2]), 0));
            assert_eq!(whole.fragment().payload.len(), 17);
        }
    }
}

#[test]
fn fragments_must_agree_about_the_end() {
    for (first, second) in [
        (v4(16, false, &[1; 4]), v4(16, true, &[1; 8])),
        (v4(16, false, &[1; 4]), v4(8, false, &[1; 4])),
        (v4(16, true, &[1; 8]), v4(8, false, &[1; 4])),
    ] {
        let mut table = Defragmenter::default();
        held(table.push(&first, 0));
        assert_eq!(dropped(table.push(&second, 0)), FragmentLoss::LengthConflict);
        assert!(table.is_empty());
    }
}

#[test]
fn a_bad_fragment_does_not_end_its_datagram() {
    let mut table = Defragmenter::default();
    held(table.push(&v6(0, true, &[1; 8]), 0));
    let cut = Fragment { missing: 1, ..v6(8, true, &[1; 8]) };
    for (bad, cause) in [
        (cut, FragmentLoss::Cut),
        (v6(8, true, &[]), FragmentLoss::Empty),
        (v6(8, true, &[1; 7]), FragmentLoss::Misaligned),
        (v6(65_528, false, &[1; 8]), FragmentLoss::TooLong),
        (v6(u32::MAX, false, &[1; 8]), FragmentLoss::TooLong),
    ] {
        assert!(!cause.ends_datagram());
        assert_eq!(dropped(table.push(&bad, 0)), cause);
    }
    assert_eq!(whole(table.push(&v6(8, false, &[2]), 0)).fragment().payload.len(), 9);
}

#[test]
fn odd_bytes_of_an_ipv4_fragment_are_left_out() {
    let mut table = Defragmenter::default();
    held(table.push(&v4(0, true, &[1; 11]), 0));
    assert_eq!(whole(table.push(&v4(8, false, &[2]), 0)).fragment().payload.len(), 9);
    assert_eq!(dropped(table.push(&v4(0, true, &[1; 7]), 0)), FragmentLoss::Empty);
}

#[test]
fn datagrams_are_told_apart() {
    let mut table = Defragmenter::default();
    held(table.push(&v4(0, true, &[1; 8]), 0));
    let last = v4(8, false, &[1]);
    held(table.push(&Fragment { id: 2, ..last }, 0));
    held(table.push(&Fragment { protocol: 17, ..last }, 0));
    held(table.push(&Fragment { source: [192, 0, 2, 9].into(), ..last }, 0));
    held(table.push(&Fragment { destination: [192, 0, 2, 9].into(), ..last }, 0));
    assert_eq!(table.len(), 5);
    whole(table.push(&last, 0));
    // Of IPv6 only the first fragment's next header counts.
    held(table.push(&Fragment { protocol: 59, ..v6(8, false, &[1]) }, 0));
    assert_eq!(whole(table.push(&v6(0, true, &[1; 8]), 0)).fragment().protocol, 6);
}

#[test]
fn time_ends_datagrams() {
    let mut table = Defragmenter::default();
    held(table.push(&v4(0, true, &[1; 8]), 5 * SECOND));
    assert_eq!(table.expire(34 * SECOND), 0);
    assert_eq!(table.expire(35 * SECOND), 1);
    assert_eq!((table.expire(99 * SECOND), table.bytes()), (0, 0));
    // Time that went by unnoticed counts too, and going back is no harm.
    held(table.push(&v4(0, true, &[1; 8]), 100 * SECOND));
    held(table.push(&v4(8, false, &[1]), 130 * SECOND));
    assert_eq!((table.expire(0), table.timed_out(), table.len()), (0, 2, 1));
}

#[test]
fn the_oldest_make_room() {
    let limits = FragmentLimits { datagrams: 3, ..FragmentLimits::default() };
    let mut table = Defragmenter::new(limits);
    for id in 0..5 {
        held(table.push(&Fragment { id, ..v4(0, true, &[1; 8]) }, 0));
    }
    assert_eq!((table.len(), table.evicted()), (3, 2));
    held(table.push(&Fragment { id: 1, ..v4(8, false, &[1]) }, 0));
    whole(table.push(&Fragment { id: 4, ..v4(8, false, &[1]) }, 0));
}

#[test]
fn bytes_are_bounded() {
    let limits = FragmentLimits { bytes: 20_000, ..FragmentLimits::default() };
    let mut table = Defragmenter::new(limits);
    for id in 0..50 {
        held(table.push(&Fragment { id, ..v4(8000, true, &[1; 1000]) }, 0));
        held(table.push(&Fragment { id, ..v4(0, true, &[1; 1000]) }, 0));
        assert!(table.bytes() <= 20_000);
    }
    assert!(table.evicted() > 40 && table.len() > 5);
    let cause = dropped(table.push(&v4(8, true, &[1; 24_000]), 0));
    assert_eq!(cause, FragmentLoss::TooManyFragments);
}

#[test]
fn pieces_are_bounded() {
    let mut table = Defragmenter::default();
    for n in 0..FragmentLimits::FRAGMENTS as u32 {
        held(table.push(&v4(16 * n, true, &[1; 8]), 0));
    }
    let next = v4(16 * FragmentLimits::FRAGMENTS as u32, true, &[1; 8]);
    assert_eq!(dropped(table.push(&next, 0)), FragmentLoss::TooManyFragments);
    assert!(table.is_empty());
}

#[test]
fn every_cause_has_its_own_label() {
    let labels: std::collections::BTreeSet<_> =
        FragmentLoss::ALL.iter().map(|cause| cause.label()).collect();
    assert_eq!(labels.len(), FragmentLoss::ALL.len());
}

/// A payload, and an order of pieces `(start, end, last)` that cover it, some of them twice.
fn cuts() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    (1..400usize).prop_flat_map(|len| {
        let payload = proptest::collection::vec(any::<u8>(), len);
        let units = proptest::collection::btree_set(1..=len.div_ceil(8), 0..20);
        (payload, units).prop_flat_map(move |(payload, units)| {
            let mut ends: Vec<usize> = units.into_iter().map(|unit| (unit * 8).min(len)).collect();
            if ends.last() != Some(&len) {
                ends.push(len);
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let pieces: Vec<_> = starts.zip(ends.iter().copied()).collect();
            let twice = proptest::sample::subsequence(pieces.clone(), 0..=pieces.len());
            let order = twice
                .prop_flat_map(move |twice| Just([pieces.clone(), twice].concat()).prop_shuffle());
            (Just(payload), order)
        })
    })
}

proptest! {
    #[test]
    fn any_cut_in_any_order_gives_the_payload(
        (payload, order) in cuts(), ipv6 in any::<bool>(),
    ) {
        let mut table = Defragmenter::default();
        let mut wholes = 0;
        for (start, end) in order {
            let family = if ipv6 { v6 } else { v4 };
            let more = end < payload.len();
            match table.push(&family(start as u32, more, &payload[start..end]), 0) {
                Pushed::Complete(whole) => {
                    prop_assert_eq!(whole.fragment().payload, &payload);
                    prop_assert!(!whole.conflict);
                    wholes += 1;
                }
                Pushed::Held => {}
                Pushed::Dropped(cause) => prop_assert!(false, "{:?}", cause),
            }
        }
        prop_assert!(wholes > 0);
    }

    #[test]
    fn every_datagram_ends_once(
        fragments in proptest::collection::vec(
            (0..4u32, any::<bool>(), 0..6u32, 0..20usize, any::<bool>(), 0..9u64), 1..200,
        ),
    ) {
        let limits = FragmentLimits { datagrams: 3, bytes: 2000, fragments: 3, timeout_ns: 20 };
        let mut table = Defragmenter::new(limits);
        let mut now_ns = 0;
        let (mut complete, mut given_up) = (0, 0);
        for (id, ipv6, unit, len, more, wait) in fragments {
            now_ns += wait;
            let family = if ipv6 { v6 } else { v4 };
            let payload = vec![0; len];
            match table.push(&Fragment { id, ..family(unit * 8, more, &payload) }, now_ns) {
                Pushed::Complete(_) => complete += 1,
                Pushed::Dropped(cause) => given_up += u64::from(cause.ends_datagram()),
                Pushed::Held => {}
            }
            let ended = complete + given_up + table.timed_out() + table.evicted();
            prop_assert_eq!(table.began(), ended + table.len() as u64);
            prop_assert!(table.len() <= 3 && table.bytes() <= 2000);
        }
    }

    #[test]
    fn any_ipv4_fragments_keep_the_bytes_that_came_first(
        fragments in proptest::collection::vec((0..12u32, 1..60usize, any::<u8>(), any::<bool>()), 1..30),
    ) {
        let limits = FragmentLimits { bytes: 4000, ..FragmentLimits::default() };
        let mut table = Defragmenter::new(limits);
        let mut model = vec![None; 200];
        for (unit, len, fill, more) in fragments {
            let len = if more { len.next_multiple_of(8) } else { len };
            let payload = vec![fill; len];
            let start = unit as usize * 8;
            let pushed = table.push(&v4(unit * 8, more, &payload), 0);
            for byte in &mut model[start..start + len] {
                byte.get_or_insert(fill);
            }
            match pushed {
                Pushed::Complete(whole) => {
                    let expected: Vec<_> = model.iter().copied().map_while(|byte| byte).collect();
                    prop_assert_eq!(whole.fragment().payload, expected);
                    model.fill(None);
                }
                Pushed::Dropped(cause) => {
                    prop_assert!(cause.ends_datagram());
                    model.fill(None);
                }
                Pushed::Held => {}
            }
            prop_assert!(table.bytes() <= 4000);
        }
    }
}
