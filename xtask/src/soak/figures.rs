//! What the run showed, put beside what it may show.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use ja4sentinel_tests::bpf::{Held, Table as KernelTable};
use ja4sentinel_tests::netns::{CLIENT_V4, CLIENT_V6};
use ja4sentinel_tests::scrape::Figures;

use super::samples::{Sample, float, slope};
use super::stage::TLS_PORT;
use super::table::Table;
use super::truth::Truth;

/// Growth of memory that a long run may show, KiB a minute: 100 KiB would be 140 MiB a day.
const SLOPE: f64 = 100.0;
/// What queues that fill and empty may tilt the line by, KiB: it counts for less the longer the run.
const TILT: f64 = 2048.0;

/// Memory, after a warm-up in which tables and queues reach their size.
pub(super) fn memory(table: &mut Table, samples: &[Sample], length: Duration) {
    let warm_up = (length / 4).min(Duration::from_secs(180));
    let warm: Vec<Sample> = samples.iter().filter(|one| one.at >= warm_up).copied().collect();
    let minutes = (length - warm_up).as_secs_f64() / 60.0;
    let bound = SLOPE + TILT / minutes;
    let slope = slope(&warm);
    let name = format!("RSS slope after {} s, KiB/min", warm_up.as_secs());
    table.judge(&name, format!("{slope:.1}"), &format!("<= {bound:.0}"), slope <= bound);
    let mebibytes = |sample: Option<&Sample>| {
        sample.map_or_else(String::new, |one| format!("{:.1}", float(one.resident) / 1024.0))
    };
    let most = warm.iter().max_by_key(|one| one.resident);
    table.tell(
        "RSS warm, most, last, MiB",
        [warm.first(), most, warm.last()].map(mebibytes).join(", "),
    );
}

/// Descriptors and threads, both times with all outputs connected and nothing under way.
pub(super) fn process(table: &mut Table, before: &Sample, after: &Sample, samples: &[Sample]) {
    let most = samples.iter().map(|one| one.descriptors).max().unwrap_or_default();
    table.tell("descriptors, most", most);
    for (name, before, after) in [
        ("descriptors, at the end", before.descriptors, after.descriptors),
        ("threads, at the end", before.threads, after.threads),
    ] {
        table.judge(name, after, &format!("<= {before}"), after <= before);
    }
}

/// What the process holds of the kernel, and entries of its tables.
pub(super) fn kernel(table: &mut Table, before: &Held, after: &Held) -> Result<()> {
    let [before, now] = [before, after].map(|held| {
        let [maps, programs, links] = held.counts();
        format!("{maps}, {programs}, {links}")
    });
    table.judge("maps, programs, links at the end", &now, &format!("= {before}"), now == before);
    for KernelTable { name, capacity, keys } in after.tables()? {
        let what = format!("entries of {name}");
        table.judge(&what, keys.len(), &format!("<= {capacity}"), keys.len() <= capacity);
        let own = match &*name {
            // Each real connection took its SYN along.
            "SYNS" => keys.iter().filter(|key| is_real(key)).count(),
            // Those that went on after their hello, as TLS does, took their entry along at the end.
            "FLOWS" => keys.iter().filter(|key| is_real(key) && is_tls(key)).count(),
            _ => continue,
        };
        table.judge("of these, of real clients that ended", own, "= 0", own == 0);
    }
    Ok(())
}

/// Whether the key of a connection has one of the lab's clients first.
fn is_real(key: &[u8]) -> bool {
    let own = [CLIENT_V4.to_ipv6_mapped().octets(), CLIENT_V6.octets()];
    own.iter().any(|address| key.starts_with(address))
}

/// Whether it has the port of the real TLS server last.
fn is_tls(key: &[u8]) -> bool {
    key.ends_with(&TLS_PORT.to_be_bytes())
}

/// The ledger, once nothing is under way.
pub(super) fn ledger(table: &mut Table, figures: &Figures) {
    let balance = figures.check_balance();
    let words = balance.as_ref().map_or_else(ToString::to_string, |()| "balanced".to_owned());
    table.judge("ledger", words, "balanced", balance.is_ok());
    let in_flight = figures.get("ja4sentinel_stage_in_flight{stage=\"connections\"}");
    table.judge("connections in flight", in_flight, "= 0", in_flight == 0.0);
    table.tell("packets seen", figures.get("ja4sentinel_stage_taken_total{stage=\"kernel\"}"));
    table.tell("connections", figures.get("ja4sentinel_stage_taken_total{stage=\"connections\"}"));
    for output in figures.labels("ja4sentinel_output_given_total", "output") {
        let of = |part: &str, label: &str| {
            figures
                .sum(&format!("ja4sentinel_output_{part}"), &format!("output=\"{output}\"{label}"))
        };
        let waiting = of("queued", "") + of("spooled", "");
        let name = format!("output {output}: given, delivered, waiting");
        let value = format!("{}, {}, {waiting}", of("given_total", ""), of("delivered_total", ""));
        table.judge(&name, value, "none waits", waiting == 0.0);
        for reason in figures
            .labels("ja4sentinel_output_dropped_total", "reason")
            .into_iter()
            .collect::<BTreeSet<_>>()
        {
            let dropped = of("dropped_total", &format!(",reason=\"{reason}\""));
            if dropped > 0.0 {
                table.tell(&format!("output {output}: dropped, {reason}"), dropped);
            }
        }
    }
}

/// Each real hello has one record, or its loss has a name.
pub(super) fn hellos(table: &mut Table, truth: &Truth, figures: &Figures) {
    let counts = truth.counts();
    table.tell("real hellos sent", counts.sent);
    table.tell("of these, by TLS programs", counts.programs);
    // A handful on a busy machine; more would mean that they test nothing.
    let few = counts.failed * 20 <= counts.programs;
    table.judge("TLS programs that failed", counts.failed, "<= a twentieth", few);
    table.tell("records of hostile hellos", counts.others);
    let missing = truth.missing();
    let named = figures.sum("ja4sentinel_stage_lost_total", "stage=\"kernel\"")
        + figures.sum("ja4sentinel_output_dropped_total", "output=\"reference\"");
    let is_well = float(u64::try_from(missing.len()).unwrap_or(u64::MAX)) <= named;
    let bound = format!("<= {named} lost by name");
    table.judge("real hellos without record", missing.len(), &bound, is_well);
    let recorded = counts.sent - u64::try_from(missing.len()).unwrap_or_default();
    table.judge(
        "records of real hellos",
        counts.recorded,
        &format!("= {recorded}"),
        counts.recorded == recorded,
    );
    table.judge("of these, without their SYN", counts.without_syn, "= 0", counts.without_syn == 0);
    table.judge("wrong records", counts.wrong, "= 0", counts.wrong == 0);
    for example in counts.examples.iter().chain(missing.iter().take(5)) {
        println!("{example}");
    }
}
