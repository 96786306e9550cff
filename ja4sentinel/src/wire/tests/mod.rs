//! Tests of the decoder, on frames built by hand.

mod build;
mod ip;
mod link;
mod options;
mod properties;
mod shard;
mod tcp;
mod tunnel;
mod usual;

use super::*;
use build::*;

/// Decodes an Ethernet frame with every tunnel open.
fn ethernet(bytes: &[u8]) -> Result<Packet<'_>, WireError> {
    decode(&frame(LinkType::ETHERNET, bytes), 8)
}

/// The segment of a packet that has to be one.
fn segment(packet: Result<Packet<'_>, WireError>) -> Segment<'_> {
    match packet {
        Ok(Packet::Segment(segment)) => segment,
        other => panic!("not a segment: {other:?}"),
    }
}

/// The fragment of a packet that has to be one.
fn fragment(packet: Result<Packet<'_>, WireError>) -> Fragment<'_> {
    match packet {
        Ok(Packet::Fragment(fragment)) => fragment,
        other => panic!("not a fragment: {other:?}"),
    }
}

fn error(packet: Result<Packet<'_>, WireError>) -> WireError {
    packet.expect_err("a cause")
}

#[test]
fn every_cause_has_its_own_label() {
    let labels: std::collections::BTreeSet<_> =
        WireError::ALL.iter().map(|cause| cause.label()).collect();
    assert_eq!(labels.len(), WireError::ALL.len());
}
