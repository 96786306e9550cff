//! Frames to several sensors that work side by side.

use super::context::Context;
use super::ip::Version;
use super::link::{self, ethertype};
use super::{Frame, LinkType, WireError};

/// Which of `count` sensors takes a frame, 0 to `count - 1`.
///
/// All frames between the same two hosts go to the same one, in either direction: with the segments
/// of a connection its fragments, which name no ports, and what is in tunnels between these hosts.
/// What holds no IP goes to the first. Frames of one pair of hosts are so never spread.
#[inline]
#[must_use]
pub fn shard(frame: &Frame<'_>, count: usize) -> usize {
    // An odd number without a pattern, so that the upper half depends on every bit: 2^64 divided by
    // the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let Some(sum) = plain_ipv4(frame).or_else(|| outermost(frame).ok()) else { return 0 };
    let upper = sum.wrapping_mul(SPREAD) >> 32;
    usize::try_from(upper).unwrap_or_default().checked_rem(count).unwrap_or_default()
}

/// The two addresses, added up, of the frame that nearly all are: a shortcut of [`outermost`].
pub(super) fn plain_ipv4(frame: &Frame<'_>) -> Option<u64> {
    let [.., t0, t1, version, _, _, _, _, _, _, _, _, _, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *frame.bytes.first_chunk::<34>()?;
    let is_plain = frame.link == LinkType::ETHERNET
        && u16::from_be_bytes([t0, t1]) == ethertype::IPV4
        && version >> 4 == 4;
    is_plain.then(|| sum(&[s0, s1, s2, s3], &[d0, d1, d2, d3]))
}

/// The same of the outermost IP header of any frame.
pub(super) fn outermost(frame: &Frame<'_>) -> Result<u64, WireError> {
    let mut context = Context::of_frame(frame, 0);
    let (version, span) = link::network(&mut context, link::first(frame)?)?;
    match (version, span.captured()) {
        (Version::V4 | Version::Either, [0x40..=0x4f, ..]) => {
            let ([.., s0, s1, s2, s3, d0, d1, d2, d3], _) = span.take::<20>(WireError::IpRunt)?;
            Ok(sum(&[*s0, *s1, *s2, *s3], &[*d0, *d1, *d2, *d3]))
        }
        (Version::V6 | Version::Either, [0x60..=0x6f, ..]) => {
            let (_, behind) = span.take::<8>(WireError::IpRunt)?;
            let (source, behind) = behind.take::<16>(WireError::IpRunt)?;
            let (destination, _) = behind.take::<16>(WireError::IpRunt)?;
            Ok(sum(source, destination))
        }
        _ => Err(WireError::IpVersion),
    }
}

/// The same whichever of them is the source.
fn sum(source: &[u8], destination: &[u8]) -> u64 {
    folded(source).wrapping_add(folded(destination))
}

/// An address in 64 bits.
fn folded(address: &[u8]) -> u64 {
    let words = address.as_chunks().0.iter().map(|word| u64::from(u32::from_be_bytes(*word)));
    words.fold(0, |all, word| all.rotate_left(32) ^ word)
}
