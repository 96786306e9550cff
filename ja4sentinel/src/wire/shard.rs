//! Frames to several sensors that work side by side.

use std::net::IpAddr;

use super::context::Context;
use super::ip::Version;
use super::{Frame, WireError, link};

/// Which of `count` sensors takes a frame, 0 to `count - 1`.
///
/// All frames between the same two hosts go to the same one, in either direction: with the segments
/// of a connection its fragments, which name no ports, and what is in tunnels between these hosts.
/// What holds no IP goes to the first. Frames of one pair of hosts are so never spread.
#[must_use]
pub fn shard(frame: &Frame<'_>, count: usize) -> usize {
    // An odd number without a pattern, so that the upper half depends on every bit: 2^64 divided by
    // the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let Ok((source, destination)) = outer_addresses(frame) else { return 0 };
    let sum = folded(source).wrapping_add(folded(destination));
    let upper = sum.wrapping_mul(SPREAD) >> 32;
    usize::try_from(upper).unwrap_or_default().checked_rem(count).unwrap_or_default()
}

/// The addresses of the outermost IP header.
fn outer_addresses(frame: &Frame<'_>) -> Result<(IpAddr, IpAddr), WireError> {
    let mut context = Context::of_frame(frame, 0);
    let (version, span) = link::network(&mut context, link::first(frame)?)?;
    match (version, span.captured()) {
        (Version::V4 | Version::Either, [0x40..=0x4f, ..]) => {
            let ([.., s0, s1, s2, s3, d0, d1, d2, d3], _) = span.take::<20>(WireError::IpRunt)?;
            Ok(([*s0, *s1, *s2, *s3].into(), [*d0, *d1, *d2, *d3].into()))
        }
        (Version::V6 | Version::Either, [0x60..=0x6f, ..]) => {
            let (_, behind) = span.take::<8>(WireError::IpRunt)?;
            let (source, behind) = behind.take::<16>(WireError::IpRunt)?;
            let (destination, _) = behind.take::<16>(WireError::IpRunt)?;
            Ok(((*source).into(), (*destination).into()))
        }
        _ => Err(WireError::IpVersion),
    }
}

fn folded(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let halves = address.octets();
            halves.as_chunks().0.iter().fold(0, |both, half| both ^ u64::from_be_bytes(*half))
        }
    }
}
