//! The one table of metrics: name, kind, unit, help, and where the values come from.

use super::Snapshot;
use super::process::Process;
use super::text::Samples;
use crate::output::LATENCY_BOUNDS_US;
use crate::sensor::Stage;

/// A kind of metric, in Prometheus's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, and begins at 0 with the program.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One metric.
pub struct Metric {
    /// Name, which ends with the unit and, for a counter, `_total`.
    pub name: &'static str,
    /// Kind.
    pub kind: Kind,
    /// Unit: `seconds`, `bytes`, or empty for plain numbers.
    pub unit: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// Its values.
    pub(super) samples: fn(&Snapshot, &mut Samples<'_>),
}

use Kind::{Counter, Gauge, Histogram};

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    samples: fn(&Snapshot, &mut Samples<'_>),
) -> Metric {
    Metric { name, kind, unit, help, samples }
}

/// Every metric, in the order in which they are written.
pub const METRICS: &[Metric] = &[
    metric(
        "ja4sentinel_build_info",
        Gauge,
        "",
        "What this program was built from; always 1.",
        |snapshot, samples| {
            let Snapshot { version, commit, ebpf_object, backend, .. } = *snapshot;
            samples.add(
                &[
                    ("version", version),
                    ("commit", commit),
                    ("ebpf_object", ebpf_object),
                    ("backend", backend),
                ],
                1,
            );
        },
    ),
    metric("ja4sentinel_ready", Gauge, "", "1 while packets are watched, else 0.", |s, samples| {
        samples.add(&[], u64::from(s.ready));
    }),
    metric(
        "ja4sentinel_stage_taken_total",
        Counter,
        "",
        "Entered a stage of the pipeline; equals passed, left out, lost and in flight together.",
        |s, samples| stages(s, samples, |stage| stage.taken),
    ),
    metric(
        "ja4sentinel_stage_passed_total",
        Counter,
        "",
        "Left a stage for the next one.",
        |s, samples| stages(s, samples, |stage| stage.passed),
    ),
    metric(
        "ja4sentinel_stage_left_out_total",
        Counter,
        "",
        "Left out at a stage because nobody wanted it, by reason.",
        |s, samples| stage_reasons(s, samples, |stage| &stage.left_out),
    ),
    metric(
        "ja4sentinel_stage_lost_total",
        Counter,
        "",
        "Lost at a stage although it was wanted, by reason.",
        |s, samples| stage_reasons(s, samples, |stage| &stage.lost),
    ),
    metric("ja4sentinel_stage_in_flight", Gauge, "", "Inside a stage at present.", |s, samples| {
        stages(s, samples, |stage| stage.in_flight);
    }),
    metric(
        "ja4sentinel_interface_frames_total",
        Counter,
        "",
        "Frames handed up from an interface.",
        |s, samples| {
            for interface in &s.interfaces {
                samples.add(&[("interface", &interface.name)], interface.frames);
            }
        },
    ),
    metric(
        "ja4sentinel_interface_records_total",
        Counter,
        "",
        "Records made of the frames of an interface.",
        |s, samples| {
            for interface in &s.interfaces {
                samples.add(&[("interface", &interface.name)], interface.records);
            }
        },
    ),
    metric(
        "ja4sentinel_interface_bypassed",
        Gauge,
        "",
        "1 while hellos come in on an interface and another program takes them away unseen, else 0.",
        |s, samples| {
            for interface in &s.interfaces {
                samples.add(&[("interface", &interface.name)], u64::from(interface.bypassed));
            }
        },
    ),
    metric(
        "ja4sentinel_ring_size_bytes",
        Gauge,
        "bytes",
        "Size of the ring buffer between kernel and agent.",
        |s, samples| {
            if let Some(ring) = s.ring {
                samples.add(&[], ring.size);
            }
        },
    ),
    metric(
        "ja4sentinel_ring_used_bytes",
        Gauge,
        "bytes",
        "Waiting in the ring buffer between kernel and agent.",
        |s, samples| {
            if let Some(ring) = s.ring {
                samples.add(&[], ring.used);
            }
        },
    ),
    metric(
        "ja4sentinel_output_given_total",
        Counter,
        "",
        "Records given to an output; equals delivered, dropped, queued and spooled together.",
        |s, samples| outputs(s, samples, |counts| counts.given),
    ),
    metric(
        "ja4sentinel_output_delivered_total",
        Counter,
        "",
        "Records that an output handed over to the kernel.",
        |s, samples| outputs(s, samples, |counts| counts.delivered),
    ),
    metric(
        "ja4sentinel_output_dropped_total",
        Counter,
        "",
        "Records that an output dropped, by reason.",
        |s, samples| {
            for counts in &s.outputs {
                for (reason, count) in counts.by_reason() {
                    let labels = [("output", counts.output.as_str()), ("reason", reason.label())];
                    samples.add(&labels, count);
                }
            }
        },
    ),
    metric(
        "ja4sentinel_output_retried_total",
        Counter,
        "",
        "Attempts of an output to write that failed and were made again.",
        |s, samples| outputs(s, samples, |counts| counts.retried),
    ),
    metric(
        "ja4sentinel_output_queued",
        Gauge,
        "",
        "Records that wait in the memory of an output.",
        |s, samples| outputs(s, samples, |counts| counts.queued),
    ),
    metric(
        "ja4sentinel_output_spooled",
        Gauge,
        "",
        "Records that wait on the disk of an output.",
        |s, samples| outputs(s, samples, |counts| counts.spooled),
    ),
    metric(
        "ja4sentinel_output_latency_seconds",
        Histogram,
        "seconds",
        "Time from the packet that completed a hello to the delivery of its record, without those \
         that waited on disk.",
        |s, samples| {
            for counts in &s.outputs {
                let labels = [("output", counts.output.as_str())];
                let latency = &counts.latency;
                samples.histogram(&labels, &LATENCY_BOUNDS_US, &latency.buckets, latency.sum_us);
            }
        },
    ),
    metric(
        "process_cpu_seconds_total",
        Counter,
        "seconds",
        "Processor time that the process spent, in user and kernel mode.",
        |_, samples| process(samples, |process| process.cpu_seconds),
    ),
    metric(
        "process_resident_memory_bytes",
        Gauge,
        "bytes",
        "Memory of the process that is in RAM.",
        |_, samples| process(samples, |process| process.resident_bytes),
    ),
    metric("process_open_fds", Gauge, "", "Open file descriptors.", |_, samples| {
        process(samples, |process| process.open_files);
    }),
    metric(
        "process_start_time_seconds",
        Gauge,
        "seconds",
        "Start of the process, since the UNIX epoch.",
        |_, samples| process(samples, |process| process.started_seconds),
    ),
];

fn stages(snapshot: &Snapshot, samples: &mut Samples<'_>, value: fn(&Stage) -> u64) {
    for stage in &snapshot.ledger.stages {
        samples.add(&[("stage", &stage.name)], value(stage));
    }
}

fn stage_reasons(
    snapshot: &Snapshot,
    samples: &mut Samples<'_>,
    reasons: fn(&Stage) -> &[(&'static str, u64)],
) {
    for stage in &snapshot.ledger.stages {
        for (reason, count) in reasons(stage) {
            samples.add(&[("stage", &stage.name), ("reason", reason)], *count);
        }
    }
}

fn outputs(
    snapshot: &Snapshot,
    samples: &mut Samples<'_>,
    value: fn(&crate::output::Counts) -> u64,
) {
    for counts in &snapshot.outputs {
        samples.add(&[("output", &counts.output)], value(counts));
    }
}

fn process<T: std::fmt::Display>(samples: &mut Samples<'_>, value: fn(&Process) -> Option<T>) {
    if let Some(value) = value(&Process::now()) {
        samples.add(&[], value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_prometheus() {
        for metric in METRICS {
            let name = metric.name;
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}"
            );
            assert_eq!(metric.kind == Counter, name.ends_with("_total"), "{name}");
            let bare = name.trim_end_matches("_total");
            assert!(metric.unit.is_empty() || bare.ends_with(metric.unit), "{name}");
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{name}");
            assert_eq!(METRICS.iter().filter(|other| other.name == name).count(), 1, "{name}");
        }
    }
}
