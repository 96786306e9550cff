//! The corpus of hostile, broken and unusual connections.

mod case;
mod play;

use std::io;

use super::random::Random;
use super::schedule::Schedule;
use super::truth::Writer;
use case::{CASES, Case};

/// Between the beginnings of two connections, microseconds.
const GAP: u64 = 60;

/// All cases in any order, each of them as often as its table says, divided by `divisor`.
pub(super) fn all(
    divisor: u32,
    random: &mut Random,
    schedule: &mut Schedule<'_>,
    truth: &mut Writer<'_>,
) -> io::Result<()> {
    let mut plan: Vec<Case> = Vec::new();
    for (case, count) in CASES {
        plan.extend((0..count.div_ceil(divisor)).map(|_| *case));
    }
    random.shuffle(&mut plan);
    for (index, case) in (0..).zip(plan) {
        let time = index * GAP;
        schedule.write_until(time)?;
        play::play(case, index, time, random, schedule, truth)?;
    }
    Ok(())
}
