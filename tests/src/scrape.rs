//! What a running agent says over HTTP, and the figures in it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::netns::Namespace;

/// Asks for a path at `address` inside a namespace. Gives status and body.
pub fn get(namespace: &Namespace, address: &str, path: &str) -> Result<(u16, String)> {
    let url = format!("http://{address}{path}");
    let arguments =
        ["--silent", "--show-error", "--max-time", "5", "--write-out", "\n%{http_code}"];
    let output = namespace.run("curl", &[&arguments[..], &[&url]].concat())?;
    let (body, status) = output.rsplit_once('\n').context("no status")?;
    Ok((status.parse()?, body.to_owned()))
}

/// The samples of one scrape, by name with labels: `a_total{x="1"}`.
#[derive(Debug)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Scrapes an agent inside a namespace.
    pub fn scrape(namespace: &Namespace, address: &str) -> Result<Self> {
        let (status, body) = get(namespace, address, "/metrics")?;
        ensure!(status == 200, "status {status}");
        Self::parse(&body)
    }

    fn parse(body: &str) -> Result<Self> {
        let samples = body.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let parsed = samples.map(|line| {
            let (name, value) =
                line.rsplit_once(' ').with_context(|| format!("no sample: {line}"))?;
            Ok((name.to_owned(), value.parse()?))
        });
        Ok(Self(parsed.collect::<Result<_>>()?))
    }

    /// The value of one sample; NaN when it is not there.
    pub fn get(&self, sample: &str) -> f64 {
        self.0.get(sample).copied().unwrap_or(f64::NAN)
    }

    /// The sum of all samples of a metric that have this label: `stage="frames"`.
    pub fn sum(&self, metric: &str, label: &str) -> f64 {
        let of_metric = self.0.iter().filter(|(name, _)| name.split('{').next() == Some(metric));
        of_metric.filter(|(name, _)| name.contains(label)).map(|(_, value)| value).sum()
    }

    /// The values of a label over the samples of a metric.
    pub fn labels(&self, metric: &str, label: &str) -> Vec<&str> {
        let of_metric = self.0.keys().filter(|name| name.split('{').next() == Some(metric));
        let values = of_metric.filter_map(|name| {
            let (_, rest) = name.split_once(&format!("{label}=\""))?;
            rest.split('"').next()
        });
        values.collect()
    }

    /// An error unless what entered each stage and each output is accounted for.
    pub fn check_balance(&self) -> Result<()> {
        let stages = self.labels("ja4sentinel_stage_taken_total", "stage");
        let outputs = self.labels("ja4sentinel_output_given_total", "output");
        ensure!(!stages.is_empty() && !outputs.is_empty(), "no ledger in {self:?}");
        for stage in stages {
            let label = format!("stage=\"{stage}\"");
            let parts = ["passed_total", "left_out_total", "lost_total", "in_flight"];
            let sum: f64 = parts
                .map(|part| self.sum(&format!("ja4sentinel_stage_{part}"), &label))
                .iter()
                .sum();
            let taken = self.sum("ja4sentinel_stage_taken_total", &label);
            ensure!(
                (taken - sum).abs() < 0.5,
                "stage {stage}: {taken} entered, {sum} accounted for"
            );
        }
        for output in outputs {
            let label = format!("output=\"{output}\"");
            let parts = ["delivered_total", "dropped_total", "queued", "spooled"];
            let sum: f64 = parts
                .map(|part| self.sum(&format!("ja4sentinel_output_{part}"), &label))
                .iter()
                .sum();
            let given = self.sum("ja4sentinel_output_given_total", &label);
            ensure!(
                (given - sum).abs() < 0.5,
                "output {output}: {given} given, {sum} accounted for"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "# HELP x y\n\
        ja4sentinel_stage_taken_total{stage=\"a b\"} 5\n\
        ja4sentinel_stage_passed_total{stage=\"a b\"} 3\n\
        ja4sentinel_stage_lost_total{stage=\"a b\",reason=\"x\"} 1\n\
        ja4sentinel_stage_in_flight{stage=\"a b\"} 1\n\
        ja4sentinel_output_given_total{output=\"o\"} 2\n\
        ja4sentinel_output_dropped_total{output=\"o\",reason=\"x\"} 2\n";

    #[test]
    fn what_is_not_accounted_for_is_an_error() {
        Figures::parse(BODY).unwrap().check_balance().unwrap();
        for line in BODY.lines().skip(2) {
            let without = BODY.replace(line, "");
            assert!(Figures::parse(&without).unwrap().check_balance().is_err(), "{line}");
        }
    }
}
