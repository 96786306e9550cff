//! Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::Snapshot;
use super::table::{Kind, METRICS, Metric};

/// Every metric of `snapshot` that has a value.
#[must_use]
pub fn render(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for metric in METRICS {
        let before = text.len();
        let Metric { name, help, .. } = metric;
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let head = text.len();
        (metric.samples)(snapshot, &mut Samples { name, text: &mut text });
        if text.len() == head {
            text.truncate(before);
        }
    }
    text
}

/// Takes the values of one metric.
pub(super) struct Samples<'a> {
    name: &'static str,
    text: &'a mut String,
}

impl Samples<'_> {
    /// Adds a value.
    pub(super) fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.line("", labels, None, value);
    }

    /// Adds a histogram: `buckets` are the counts up to each bound and one above them all, bounds
    /// and sum in microseconds; they are written in seconds.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        bounds_us: &[u64],
        buckets: &[u64],
        sum_us: u64,
    ) {
        let mut total = 0;
        let bounds = bounds_us.iter().map(|us| Some(seconds(*us))).chain([None]);
        for (bound, count) in bounds.zip(buckets) {
            total += count;
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |seconds| seconds.to_string());
            self.line("_bucket", labels, Some(("le", &bound)), total);
        }
        self.line("_sum", labels, None, seconds(sum_us));
        self.line("_count", labels, None, total);
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        last: Option<(&str, &str)>,
        value: impl Display,
    ) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let mut begin = '{';
        for (name, value) in labels.iter().chain(last.iter()) {
            let _ = write!(self.text, "{begin}{name}=\"{}\"", Escaped(value));
            begin = ',';
        }
        let _ = writeln!(self.text, "{} {value}", if begin == ',' { "}" } else { "" });
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 285 years")]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

/// The value of a label as the format wants it.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fill: impl FnOnce(&mut Samples<'_>)) -> String {
        let mut text = String::new();
        fill(&mut Samples { name: "m", text: &mut text });
        text
    }

    #[test]
    fn labels_are_escaped() {
        let text = text(|samples| {
            samples.add(&[("a", "x\\\"\ny"), ("b", "é")], 7);
            samples.add(&[], 1.5);
        });
        assert_eq!(text, "m{a=\"x\\\\\\\"\\ny\",b=\"é\"} 7\nm 1.5\n");
    }

    #[test]
    fn the_buckets_of_a_histogram_add_up() {
        let text =
            text(|samples| samples.histogram(&[("o", "x")], &[500, 2_000_000], &[1, 2, 3], 9));
        assert_eq!(
            text,
            "m_bucket{o=\"x\",le=\"0.0005\"} 1\nm_bucket{o=\"x\",le=\"2\"} 3\n\
             m_bucket{o=\"x\",le=\"+Inf\"} 6\nm_sum{o=\"x\"} 0.000009\nm_count{o=\"x\"} 6\n"
        );
    }
}
