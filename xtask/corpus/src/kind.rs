//! What happens in a corpus, and how much of it.

use std::io::{self, Write};

use crate::random::Random;
use crate::schedule::Schedule;
use crate::truth::Writer;
use crate::{hostile, ordinary};

/// The seed of every corpus that is not asked for with another.
pub const SEED: u64 = 20_260_101;

/// Bytes that a connection of the bulk corpus carries behind its hello.
const BULK: usize = 512 * 1024;

/// What happens in a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 200,000 short connections.
    Hello,
    /// 2,000 connections that carry half a MiB each.
    Bulk,
    /// 159,600 connections, most of them hostile, broken or unusual.
    Hostile,
}

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// All of it.
    Full,
    /// A hundredth of the connections, for runs that only try whether all works.
    Small,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Hello, Self::Bulk, Self::Hostile];

    /// What its files are called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Bulk => "bulk",
            Self::Hostile => "hostile",
        }
    }

    /// Writes a corpus: a capture in pcap's classic format, and its truth.
    pub fn write(
        self,
        size: Size,
        seed: u64,
        capture: &mut dyn Write,
        truth: &mut dyn Write,
    ) -> io::Result<()> {
        let divisor: u32 = match size {
            Size::Full => 1,
            Size::Small => 100,
        };
        let part = |connections: u64| connections / u64::from(divisor);
        let mut schedule = Schedule::new(capture)?;
        let mut truth = Writer::new(truth);
        // Two kinds of the same seed have nothing in common.
        let mut random = Random::new(seed ^ (self.name().len() as u64 * 0x0123_4567));
        match self {
            Self::Hello => {
                ordinary::short(part(200_000), &mut random, &mut schedule, &mut truth)?;
            }
            Self::Bulk => {
                ordinary::bulk(part(2_000), BULK, &mut random, &mut schedule, &mut truth)?;
            }
            Self::Hostile => hostile::all(divisor, &mut random, &mut schedule, &mut truth)?,
        }
        schedule.finish()?;
        truth.finish()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn hash(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Figures of different machines and days can be set against each other only so.
    #[test]
    fn corpora_are_the_same_bytes_everywhere() {
        let known = [
            (
                Kind::Hello,
                "8e86b1c2117e5872140e743080e295962d9ea7ebe336b12c11e28616f5215cb7",
                "5dfb2f6f8a45b1eca0429e393d127a5624bc94bbf487056efcde35e29d99d17a",
            ),
            (
                Kind::Bulk,
                "ce1151e1ed003565bd078aa0cedef14772f8417325911d9cb83414f3d94b923f",
                "4996ce6cc35ccd89ecb0e0ceae92b037fc976943c6078d6cbd5d659fef76220c",
            ),
            (
                Kind::Hostile,
                "f428a141fe37685e877c0859a01ae27d192bd82040a819405c40130710320a68",
                "31275bed61b3fa30822a78343a1010cad011b3ee76dcc3ccb98f8b0919cc22bc",
            ),
        ];
        for (kind, capture_hash, truth_hash) in known {
            let (mut capture, mut truth) = (Vec::new(), Vec::new());
            kind.write(Size::Small, SEED, &mut capture, &mut truth).unwrap();
            assert_eq!(hash(&capture), capture_hash, "the capture of {}", kind.name());
            assert_eq!(hash(&truth), truth_hash, "the truth of {}", kind.name());
        }
    }
}
