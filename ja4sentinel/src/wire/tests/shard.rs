//! Who takes a frame.

use proptest::prelude::*;

use super::super::shard::{outermost, plain_ipv4};
use super::*;

const COUNT: usize = 7;

fn shard_of(bytes: &[u8]) -> usize {
    let shard = shard(&frame(LinkType::ETHERNET, bytes), COUNT);
    assert!(shard < COUNT);
    shard
}

/// `bytes` with the `len` bytes at `a` and those at `b` in each other's place.
fn swapped(mut bytes: Vec<u8>, a: usize, b: usize, len: usize) -> Vec<u8> {
    for i in 0..len {
        bytes.swap(a + i, b + i);
    }
    bytes
}

#[test]
fn both_directions_fragments_and_tunnels_of_two_hosts_stay_together() {
    let v4 = eth(0x0800, &ipv4(6, &tcp()));
    assert_eq!(shard_of(&v4), shard_of(&swapped(v4.clone(), 26, 30, 4)));
    let mut fragment = v4.clone();
    fragment[21] = 9;
    assert_eq!(shard_of(&v4), shard_of(&fragment));
    let tunnel = eth(0x0800, &ipv4(41, &ipv6(6, &tcp())));
    assert_eq!(shard_of(&v4), shard_of(&tunnel));
    let tagged = eth(0x8100, &tag(7, 0x0800, &ipv4(6, &tcp())));
    assert_eq!(shard_of(&v4), shard_of(&tagged));

    let v6 = eth(0x86dd, &ipv6(6, &tcp()));
    assert_eq!(shard_of(&v6), shard_of(&swapped(v6.clone(), 22, 38, 16)));
}

#[test]
fn hosts_are_spread() {
    let mut frames = [0; COUNT];
    for host in 0..=255 {
        let mut bytes = eth(0x0800, &ipv4(6, &tcp()));
        bytes[29] = host;
        frames[shard_of(&bytes)] += 1;
    }
    // 256 hosts: a seventh is 37.
    assert!(frames.iter().all(|count| (20..60).contains(count)), "{frames:?}");
}

#[test]
fn what_is_no_ip_is_somebodys() {
    assert_eq!(shard_of(&eth(0x0806, &[0; 28])), 0);
    assert_eq!(shard_of(&[]), 0);
    assert_eq!(shard(&frame(LinkType::ETHERNET, &eth(0x0800, &ipv4(6, &tcp()))), 0), 0);
}

proptest! {
    #[test]
    fn the_shortcut_comes_to_the_same(
        noise in prop::collection::vec(any::<u8>(), 0..40),
        kind in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x8100), any::<u16>()],
        len in 0..60_usize,
    ) {
        for mut bytes in [eth(kind, &noise), eth(kind, &ipv4(6, &noise))] {
            bytes.truncate(len);
            for link in [LinkType::ETHERNET, LinkType::RAW, LinkType::LINUX_SLL] {
                let frame = frame(link, &bytes);
                if let Some(sum) = plain_ipv4(&frame) {
                    prop_assert_eq!(outermost(&frame).ok(), Some(sum));
                }
            }
        }
    }
}
