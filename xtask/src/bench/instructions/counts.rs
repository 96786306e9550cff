//! Counts, as they are kept and compared.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use anyhow::{Context, Error, Result};

/// How far a count may be from the one that is kept, per cent. The tables' keys are random and move
/// it by far less; other compilers and processors by a few.
const TOLERANCE: f64 = 5.0;

/// What a file of counts begins with.
const HEAD: &str = "\
# Instructions of the core's hot path, frames to lines of JSON, over a hundredth of each corpus.
# Made by `cargo xtask bench --instructions --renew`; without --renew it compares.
";

/// One corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) corpus: String,
    pub(super) instructions: u64,
    pub(super) packets: u64,
    pub(super) records: u64,
}

/// All of them, and the tools that they were made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) tools: String,
    pub(super) counts: Vec<Count>,
}

impl Counts {
    /// A table of both.
    pub(super) fn beside(&self, kept: &Self) -> String {
        let mut table = String::new();
        if self.tools != kept.tools {
            table += &format!("other tools: {}\nkept counts: {}\n", self.tools, kept.tools);
        }
        for counted in &self.counts {
            let change = kept.of(&counted.corpus).map_or_else(
                || "not kept".to_owned(),
                |kept| format!("{:+.2} % against {}", counted.change(kept), kept.instructions),
            );
            table += &format!("{counted}  {change}\n");
        }
        table
    }

    /// What is out of bounds, a line each.
    pub(super) fn faults(&self, kept: &Self) -> Vec<String> {
        let fault = |counted: &Count| {
            let Some(kept) = kept.of(&counted.corpus) else {
                return Some(format!("{}: no count is kept", counted.corpus));
            };
            if (counted.packets, counted.records) != (kept.packets, kept.records) {
                return Some(format!(
                    "{}: {} records of {} packets, not {} of {}",
                    counted.corpus, counted.records, counted.packets, kept.records, kept.packets
                ));
            }
            let change = counted.change(kept);
            let corpus = &counted.corpus;
            (change.abs() > TOLERANCE)
                .then(|| format!("{corpus}: {change:+.2} % instructions, {TOLERANCE} are allowed"))
        };
        self.counts.iter().filter_map(fault).collect()
    }

    fn of(&self, corpus: &str) -> Option<&Count> {
        self.counts.iter().find(|count| count.corpus == corpus)
    }
}

impl Count {
    /// From `kept` to this one, per cent.
    #[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
    fn change(&self, kept: &Self) -> f64 {
        (self.instructions as f64 / kept.instructions as f64 - 1.0) * 100.0
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}tools {}", self.tools)?;
        self.counts.iter().try_for_each(|count| writeln!(f, "{count}"))
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { corpus, instructions, packets, records } = self;
        let (a_packet, a_record) = (instructions / packets.max(&1), instructions / records.max(&1));
        write!(f, "{corpus:<8} {instructions:>12} instructions  ")?;
        write!(f, "{packets:>6} packets, each {a_packet:>6}  ")?;
        write!(f, "{records:>5} records, each {a_record:>8}")
    }
}

impl FromStr for Counts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let tools = lines.next().and_then(|line| line.strip_prefix("tools "));
        let tools = tools.context("it names no tools")?.to_owned();
        let counts = lines.map(str::parse).collect::<Result<_>>()?;
        Ok(Self { tools, counts })
    }
}

impl FromStr for Count {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let read = || {
            let words: Vec<_> = line.split_whitespace().collect();
            let [corpus, instructions, _, packets, _, _, _, records, ..] = words.as_slice() else {
                return None;
            };
            Some(Self {
                corpus: (*corpus).to_owned(),
                instructions: instructions.parse().ok()?,
                packets: packets.parse().ok()?,
                records: records.parse().ok()?,
            })
        };
        read().with_context(|| format!("no count: `{line}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: u64, records: u64) -> Counts {
        let count = Count { corpus: "hello".into(), instructions, packets: 20_000, records };
        Counts { tools: "rustc 1, valgrind 3".into(), counts: vec![count] }
    }

    #[test]
    fn what_is_written_is_read() {
        let some = counts(123_456_789, 2_000);
        assert_eq!(some.to_string().parse::<Counts>().unwrap(), some);
        assert!("tools x\nhello many".parse::<Counts>().is_err());
    }

    #[test]
    fn five_per_cent_either_way_and_not_one_record_less() {
        let kept = counts(1_000_000, 2_000);
        for (instructions, records, holds) in [
            (1_049_000, 2_000, true),
            (951_000, 2_000, true),
            (1_051_000, 2_000, false),
            (949_000, 2_000, false),
            (1_000_000, 1_999, false),
        ] {
            assert_eq!(counts(instructions, records).faults(&kept).is_empty(), holds);
        }
        let nothing = Counts { tools: String::new(), counts: Vec::new() };
        assert_eq!(kept.faults(&nothing).len(), 1);
    }
}
