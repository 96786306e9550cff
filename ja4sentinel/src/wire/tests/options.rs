//! TCP options.

use super::*;

/// What Linux sends in a SYN, with the MSS given.
const LINUX: &[u8] = &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

fn kinds(bytes: &[u8]) -> Vec<u8> {
    let options = TcpOptions(bytes);
    let kinds: Vec<u8> = options.kinds().collect();
    assert_eq!(options.facts().kinds.as_slice(), kinds);
    kinds
}

fn values(options: TcpOptions<'_>) -> (Option<u16>, Option<u8>) {
    let facts = options.facts();
    (facts.mss, facts.window_scale)
}

#[test]
fn names_and_values_in_wire_order() {
    let options = TcpOptions(LINUX);
    assert_eq!(&*options.facts().names, "MSS,SACK,TS,WS");
    assert_eq!(kinds(LINUX), [2, 4, 8, 1, 3]);
    assert_eq!(values(options), (Some(1460), Some(7)));
    assert!(!options.is_malformed());
    let timestamps = options.into_iter().find(|option| option.kind == 8);
    assert_eq!(timestamps.map(|option| option.data), Some(&[0, 0, 0, 1, 0, 0, 0, 0][..]));
}

#[test]
fn nothing_is_known_of_no_options() {
    let options = TcpOptions(&[]);
    assert_eq!(values(options), (None, None));
    assert_eq!((options.facts().names.as_str(), kinds(&[])), ("", vec![]));
}

#[test]
fn the_end_of_the_list_ends_it() {
    assert_eq!(kinds(&[1, 1, 4, 2, 0, 2, 4, 5]), [1, 1, 4, 0]);
    assert!(!TcpOptions(&[0, 2, 99, 5]).is_malformed());
}

#[test]
fn unknown_kinds_are_kinds_without_a_name() {
    let options = [253, 4, 0, 0, 2, 4, 5, 0xb4, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(kinds(&options), [253, 2, 5]);
    assert_eq!(&*TcpOptions(&options).facts().names, "MSS");
}

#[test]
fn impossible_lengths_end_the_list_and_are_told() {
    for broken in [&[4, 2, 2, 0][..], &[4, 2, 2, 1], &[4, 2, 2, 5, 1, 1], &[4, 2, 8]] {
        assert_eq!(kinds(broken), [4], "{broken:?}");
        assert!(TcpOptions(broken).is_malformed(), "{broken:?}");
    }
}

#[test]
fn a_value_of_the_wrong_size_is_not_known() {
    let options = TcpOptions(&[2, 3, 5, 3, 4, 7, 7]);
    assert_eq!(values(options), (None, None));
    assert_eq!(&*options.facts().names, "MSS,WS");
}

#[test]
fn the_last_of_several_counts() {
    let options = TcpOptions(&[2, 4, 1, 0, 2, 4, 2, 0, 3, 3, 1, 3, 3, 2]);
    assert_eq!(values(options), (Some(512), Some(2)));
}

#[test]
fn kinds_are_bounded() {
    assert_eq!(kinds(&[1; 100]).len(), 40);
}

#[test]
fn as_many_as_there_is_room_for() {
    assert_eq!(&*TcpOptions(&[4, 2].repeat(20)).facts().names, ["SACK"; 20].join(","));
    assert_eq!(kinds(&[1; 40]), [1; 40]);
}
