//! How it went on each kernel: a row each.

use anyhow::Result;

use super::kernel::Kernel;
use super::machine::Outcome;

/// The columns' heads.
const HEADS: [&str; COLUMNS] = [
    "kernel",
    "release",
    "BTF",
    "eBPF",
    "eth insns",
    "raw insns",
    "tunnels",
    "checks",
    "seconds",
    "verdict",
];
const COLUMNS: usize = 10;

/// One kernel.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    lacks: bool,
    tried: Result<(String, Outcome)>,
}

impl Row {
    pub(crate) fn new(kernel: &Kernel, tried: Result<(String, Outcome)>) -> Self {
        Self { name: kernel.name, lacks: kernel.lacks.is_some(), tried }
    }

    /// Whether everything passed.
    pub(crate) fn passed(&self) -> bool {
        self.tried.as_ref().is_ok_and(|(_, outcome)| outcome.passed())
    }

    /// Prints all there is to say about it.
    pub(crate) fn tell(&self) {
        let (release, outcome) = match &self.tried {
            Ok(ran) => ran,
            Err(error) => return println!("{}: FAILED to start: {error:#}", self.name),
        };
        println!("{} ({release}): {} in {:.1} s", self.name, verdict(self), seconds(outcome));
        for (name, code) in &outcome.checks {
            match code {
                0 => println!("  {name}: passed"),
                code => println!("  {name}: FAILED with exit code {code}"),
            }
        }
        for (backend, ledger) in &outcome.findings.ledgers {
            println!("  {backend}: {ledger}");
        }
        if let Some(fault) = &outcome.fault {
            println!("  FAILED: {fault}");
        }
        if !outcome.passed() {
            println!("--- the console's last lines ---\n{}\n---", outcome.tail());
        }
    }

    fn cells(&self) -> [String; COLUMNS] {
        let name = self.name.to_owned();
        let Ok((release, outcome)) = &self.tried else {
            let mut cells = [(); COLUMNS].map(|()| "-".to_owned());
            (cells[0], cells[COLUMNS - 1]) = (name, verdict(self));
            return cells;
        };
        let found = &outcome.findings;
        let how = match &found.attached {
            Some(how) => how.clone(),
            None if self.lacks => "no, libpcap".to_owned(),
            None => "-".to_owned(),
        };
        let verified = |end: &str| {
            let program = found.verified.iter().find(|(program, _)| program.ends_with(end));
            program.map_or("-".to_owned(), |(_, count)| count.clone())
        };
        let passed = outcome.checks.iter().filter(|(_, code)| *code == 0).count();
        [
            name,
            release.clone(),
            found.btf.clone().unwrap_or_else(|| "-".to_owned()),
            how,
            verified("_eth"),
            verified("_raw"),
            if found.tunnels.is_empty() { "-".to_owned() } else { found.tunnels.join(", ") },
            format!("{passed}/{}", outcome.checks.len()),
            format!("{:.0}", seconds(outcome)),
            verdict(self),
        ]
    }
}

fn verdict(row: &Row) -> String {
    if row.passed() { "passed" } else { "FAILED" }.to_owned()
}

fn seconds(outcome: &Outcome) -> f32 {
    outcome.took.as_secs_f32()
}

/// All rows below their heads.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut lines = vec![HEADS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    aligned(&lines)
}

/// Each column as wide as its widest cell.
fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let line = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        let lines = [line("kernel", "n"), line("6.1", "100")];
        assert_eq!(super::aligned(&lines), "kernel  n\n6.1     100\n");
    }
}
