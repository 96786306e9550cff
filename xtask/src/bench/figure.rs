//! One line of the table.

use serde::Serialize;

use super::contender::AGENT;
use super::score::Score;
use super::spread::Spread;

/// Something that was measured, of one program.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Figure {
    /// What `--only` calls the part it belongs to.
    pub(super) part: &'static str,
    /// What was done, the same for all that did it.
    pub(super) what: String,
    /// Which program did it.
    pub(super) who: String,
    pub(super) unit: &'static str,
    pub(super) value: Spread,
    /// What the agent's own value has to be, in full runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<Mark>,
    /// How right its output was, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) score: Option<Score>,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mark {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(super) fn new(
        part: &'static str,
        what: impl Into<String>,
        who: impl Into<String>,
        unit: &'static str,
        value: Spread,
    ) -> Self {
        let (what, who) = (what.into(), who.into());
        Self { part, what, who, unit, value, mark: None, score: None }
    }

    pub(super) fn with_mark(mut self, mark: Option<Mark>) -> Self {
        self.mark = mark;
        self
    }

    pub(super) fn with_score(mut self, score: Option<Score>) -> Self {
        self.score = score;
        self
    }

    /// How many times the agent's value of the same thing this is, where the agent did it too.
    pub(super) fn to_ours(&self, all: &[Self]) -> Option<f64> {
        let is_ours = |other: &&Self| other.what == self.what && other.who.starts_with(AGENT);
        let ours = all.iter().find(is_ours).filter(|ours| ours.who != self.who)?;
        Some(self.value.median / ours.value.median).filter(|times| times.is_finite())
    }

    /// Whether the mark was reached, where there is one. The median counts.
    pub(super) fn reached(&self) -> Option<bool> {
        self.mark.map(|mark| match mark {
            Mark::AtMost(most) => self.value.median <= most,
            Mark::AtLeast(least) => self.value.median >= least,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_measured_by_the_agent() {
        let figure =
            |who: &str, value| Figure::new("a", "b", who, "s", Spread::of([value]).unwrap());
        let all = [figure("other", 3.0), figure("ja4sentinel with its classifier", 2.0)];
        let times: Vec<_> = all.iter().map(|figure| figure.to_ours(&all)).collect();
        assert_eq!(times, [Some(1.5), None]);
        assert_eq!(all[0].to_ours(&all[..1]), None);
    }

    #[test]
    fn the_median_is_held_against_the_mark() {
        let value = Spread::of([1.0, 2.0, 30.0]).unwrap();
        let figure = |mark| Figure::new("a", "b", "c", "s", value).with_mark(mark).reached();
        assert_eq!(figure(None), None);
        assert_eq!(figure(Some(Mark::AtMost(2.0))), Some(true));
        assert_eq!(figure(Some(Mark::AtMost(1.9))), Some(false));
        assert_eq!(figure(Some(Mark::AtLeast(2.0))), Some(true));
        assert_eq!(figure(Some(Mark::AtLeast(2.1))), Some(false));
    }
}
