//! Several measurements of one thing.

/// Their median, least and largest.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// How many there were.
    pub(super) runs: usize,
}

impl Spread {
    /// `None` when there are none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let runs = values.len();
        let upper = *values.get(runs / 2)?;
        let lower = *values.get((runs - 1) / 2)?;
        Some(Self { median: f64::midpoint(lower, upper), min, max, runs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one_or_between_the_middle_two() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[3.0, 1.0, 9.0]).unwrap().median, 3.0);
        let four = spread(&[4.0, 1.0, 2.0, 9.0]).unwrap();
        assert_eq!((four.median, four.min, four.max, four.runs), (3.0, 1.0, 9.0, 4));
    }
}
