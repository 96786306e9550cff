//! What came out, for each program that was compared with.

use std::collections::BTreeMap;

use super::deviations::Deviation;
use super::pairing::{Finding, Verdict};

/// Counts and lines of one program.
pub(super) struct Report {
    version: String,
    /// Whether what agrees is printed as well.
    all: bool,
    agree: usize,
    differ: usize,
    known: BTreeMap<&'static Deviation, usize>,
    not_compared: BTreeMap<String, Vec<String>>,
    unexplained: Vec<String>,
    left: Vec<String>,
}

impl Report {
    pub(super) fn new(version: String, all: bool) -> Self {
        Self {
            version,
            all,
            agree: 0,
            differ: 0,
            known: BTreeMap::new(),
            not_compared: BTreeMap::new(),
            unexplained: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Takes what the comparison of one capture found.
    pub(super) fn take(&mut self, capture: &str, findings: Vec<Finding>) {
        for Finding { tuple, index, verdict } in findings {
            let hello = format!("{capture}: {tuple}, hello {index}");
            if self.all {
                let said = match &verdict {
                    Verdict::Agrees => "agrees".to_owned(),
                    Verdict::Differs(rules) => {
                        let rules: Vec<_> = rules.iter().map(|deviation| deviation.rule).collect();
                        format!("differs by {}", rules.join(" and "))
                    }
                    Verdict::NotCompared(why) => format!("not compared: {why}"),
                    Verdict::Unexplained(what) => format!("UNEXPLAINED: {what}"),
                };
                println!("{}: {hello}: {said}", self.version);
            }
            match verdict {
                Verdict::Agrees => self.agree += 1,
                Verdict::Differs(deviations) => {
                    self.differ += 1;
                    for deviation in deviations {
                        *self.known.entry(deviation).or_default() += 1;
                    }
                }
                Verdict::NotCompared(why) => self.not_compared.entry(why).or_default().push(hello),
                Verdict::Unexplained(what) => self.unexplained.push(format!("{hello}: {what}")),
            }
        }
    }

    /// Notes a capture that the program cannot read.
    pub(super) fn leave(&mut self, capture: &str, error: &anyhow::Error) {
        self.left.push(format!("{capture}: {error:#}"));
    }

    /// Differences without explanation.
    pub(super) fn faults(&self) -> usize {
        self.unexplained.len()
    }

    /// Whether nothing was compared.
    pub(super) fn is_empty(&self) -> bool {
        self.agree + self.differ + self.unexplained.len() == 0
    }

    pub(super) fn print(&self) {
        let not_compared: usize = self.not_compared.values().map(Vec::len).sum();
        println!("\n{}", self.version);
        println!("{:6} hellos agree", self.agree);
        println!("{:6} differ as is known", self.differ);
        for (Deviation { rule, what }, count) in &self.known {
            println!("       {count:6} {what} ({rule})");
        }
        println!("{not_compared:6} not compared");
        for (why, hellos) in &self.not_compared {
            println!("       {:6} {why}", hellos.len());
            hellos.iter().for_each(|hello| println!("                {hello}"));
        }
        println!("{:6} differ, and nobody knows why", self.unexplained.len());
        self.unexplained.iter().for_each(|line| println!("       {line}"));
        if !self.left.is_empty() {
            println!("{:6} captures that it cannot read", self.left.len());
            self.left.iter().for_each(|line| println!("       {line}"));
        }
    }
}
