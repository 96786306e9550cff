//! The loss ledger: whatever enters a stage leaves it, under one name, or is still inside.
//!
//! At any moment `taken = passed + Σ left_out + Σ lost + in_flight`, in every stage from the
//! kernel's selection to the last output. The sensor fills in its own stages; whoever joins it with
//! a source and with outputs puts theirs in front and behind.

/// Counts by name.
pub type Named = Vec<(&'static str, u64)>;

/// One step on the way of frames, connections or records, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// What the stage is called: `frames`, `connections`, `records`, `output stdout`, …
    pub name: String,
    /// How many entered.
    pub taken: u64,
    /// How many went on to what follows.
    pub passed: u64,
    /// Those that nobody wanted, by cause.
    pub left_out: Named,
    /// Those that were wanted and are lost, by cause.
    pub lost: Named,
    /// How many are still inside.
    pub in_flight: u64,
}

impl Stage {
    /// How many are accounted for: passed, left out, lost, or still inside.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.passed + sum(&self.left_out) + sum(&self.lost) + self.in_flight
    }

    /// Whether everything that entered is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.taken == self.accounted()
    }

    /// How many were lost, for any cause.
    #[must_use]
    pub fn losses(&self) -> u64 {
        sum(&self.lost)
    }

    /// Adds the counts of the same stage elsewhere.
    fn merge(&mut self, other: &Self) {
        self.taken += other.taken;
        self.passed += other.passed;
        self.in_flight += other.in_flight;
        for (mine, theirs) in [(&mut self.left_out, &other.left_out), (&mut self.lost, &other.lost)]
        {
            for (label, count) in theirs {
                match mine.iter_mut().find(|(name, _)| name == label) {
                    Some((_, sum)) => *sum += count,
                    None => mine.push((label, *count)),
                }
            }
        }
    }
}

/// Every stage, in the order in which data passes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// The stages.
    pub stages: Vec<Stage>,
}

impl Ledger {
    /// The stage of that name.
    #[must_use]
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Whether every stage is balanced.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.stages.iter().all(Stage::is_balanced)
    }

    /// How much was lost, summed over the stages.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.stages.iter().map(Stage::losses).sum()
    }

    /// Adds another ledger, stage by stage; that is how workers make one sum.
    pub fn merge(&mut self, other: &Self) {
        for theirs in &other.stages {
            match self.stages.iter_mut().find(|stage| stage.name == theirs.name) {
                Some(stage) => stage.merge(theirs),
                None => self.stages.push(theirs.clone()),
            }
        }
    }
}

fn sum(named: &Named) -> u64 {
    named.iter().map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_sums_by_name_and_keeps_the_balance() {
        let stage = |lost: Named| Stage {
            name: "frames".to_owned(),
            taken: 10,
            passed: 6,
            lost,
            left_out: vec![("other_port", 1)],
            ..Stage::default()
        };
        let mut ledger = Ledger { stages: vec![stage(vec![("a", 3)])] };
        assert!(ledger.is_balanced());
        ledger.merge(&Ledger { stages: vec![stage(vec![("b", 3)])] });
        let frames = ledger.stage("frames").unwrap();
        assert_eq!(frames.lost, [("a", 3), ("b", 3)]);
        assert_eq!((frames.taken, frames.left_out[0].1, ledger.losses()), (20, 2, 6));
        assert!(ledger.is_balanced());
        ledger.stages[0].taken += 1;
        assert!(!ledger.is_balanced());
    }
}
