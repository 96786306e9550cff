//! The run from its beginning to its table.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::Scope;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ja4sentinel_tests::bpf::Held;
use ja4sentinel_tests::netns::{SERVER_INTERFACE, SERVER_V4, SERVER_V6};
use ja4sentinel_tests::scrape::Figures;

use super::configuration::TIMEOUT_SECONDS;
use super::phase::Step;
use super::samples::{Sample, float};
use super::stage::{FAST_PORT, Stage};
use super::table::Table;
use super::{clients, disk, figures, hostile, links, peers, reloads};

/// Between two looks at the process.
const SAMPLE: Duration = Duration::from_secs(1);
/// Samples between two lines of progress.
const LINE: usize = 10;
/// How long the outputs may take until all have had a record.
const CONNECTED: Duration = Duration::from_secs(60);
/// How long outputs may catch up, and half-open connections end, when all is calm.
const CALM: Duration = Duration::from_secs(60);
/// How long the kernel may take to free what nobody holds any more.
const FREED: Duration = Duration::from_secs(10);
/// Between two looks at the agent's figures.
const LOOK: Duration = Duration::from_secs(1);

/// How often each thing was done.
#[derive(Debug, Default)]
struct Done(Mutex<Vec<(&'static str, u64)>>);

impl Done {
    fn note(&self, what: &'static str, times: Result<u64>) -> Result<()> {
        let times = times.context(what)?;
        self.0.lock().map(|mut done| done.push((what, times))).ok();
        Ok(())
    }
}

/// What the run left to be judged.
struct Observed {
    before: (Sample, Held),
    samples: Vec<Sample>,
    after: (Sample, Held),
    figures: Figures,
}

/// Runs for so long and prints the table. Gives whether all in it is well.
pub(super) fn run(binary: &Path, length: Duration) -> Result<bool> {
    let stage = Stage::new(binary)?;
    let done = Done::default();
    let observed = std::thread::scope(|scope| {
        let observed = play(scope, &stage, &done, length);
        stage.phase.enter(Step::Over);
        observed
    });
    match stage.phase.problem() {
        Some(problem) => Err(problem),
        None => judge(stage, &done, &observed?, length),
    }
}

/// Starts all parts of the run, each on a thread, and sees them through to the calm.
fn play<'scope>(
    scope: &'scope Scope<'scope, '_>,
    stage: &'scope Stage,
    done: &'scope Done,
    length: Duration,
) -> Result<Observed> {
    let part = |work: fn(&Stage) -> Result<()>| {
        scope.spawn(move || stage.phase.run(|| work(stage)));
    };
    let counted = |what, work: fn(&Stage) -> Result<u64>| {
        scope.spawn(move || stage.phase.run(|| done.note(what, work(stage))));
    };
    part(peers::reference);
    part(peers::away);
    part(peers::stalled);
    part(clients::serve);
    let before = connected(stage)?;
    part(clients::programs);
    part(|stage| clients::fast(stage, SERVER_V4.into()));
    part(|stage| clients::fast(stage, SERVER_V6.into()));
    counted("hostile frames sent", hostile::run);
    counted("interfaces that came, changed and went", links::run);
    counted("reloads, two of seven refused", reloads::run);
    counted("disk full and freed", disk::run);
    let samples = watch(stage, length)?;
    stage.phase.enter(Step::Calm);
    let (after, figures) = calm(stage)?;
    Ok(Observed { before, samples, after, figures })
}

/// Waits until every output has had a record, and looks at the process then.
fn connected(stage: &Stage) -> Result<(Sample, Held)> {
    let begun = Instant::now();
    let all_have_one = || -> Result<bool> {
        let figures = stage.figures()?;
        let outputs = figures.labels("ja4sentinel_output_given_total", "output");
        let delivered = |output: &&str| {
            figures.get(&format!("ja4sentinel_output_delivered_total{{output=\"{output}\"}}"))
        };
        Ok(outputs.iter().all(|output| delivered(output) > 0.0))
    };
    while !all_have_one()? {
        ensure!(
            begun.elapsed() < CONNECTED,
            "not all outputs had a record:\n{}",
            stage.agent.log()
        );
        let server = (SERVER_V4, FAST_PORT).into();
        stage.lab.client.inside(|| clients::say_hello(stage, server, "first"))??;
        stage.phase.rest(Step::Load, LOOK);
    }
    Ok((Sample::take(stage, begun)?, Held::by(stage.agent.id())?))
}

/// Looks at the process as long as the load lasts, and shows how far it is.
fn watch(stage: &Stage, length: Duration) -> Result<Vec<Sample>> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < length && stage.phase.rest(Step::Load, SAMPLE) {
        let sample = Sample::take(stage, begun)?;
        samples.push(sample);
        if samples.len().is_multiple_of(LINE) {
            let counts = stage.truth.counts();
            println!(
                "{:5} s  {:6.1} MiB  {} descriptors  {} threads  {} real hellos, {} recorded  \
                 {} hostile records  {} failures of readers",
                sample.at.as_secs(),
                float(sample.resident) / 1024.0,
                sample.descriptors,
                sample.threads,
                counts.sent,
                counts.recorded,
                counts.others,
                stage.peers.failures.load(Relaxed),
            );
        }
    }
    Ok(samples)
}

/// Waits until nothing is under way any more, or for long enough to say that it stays.
fn calm(stage: &Stage) -> Result<((Sample, Held), Figures)> {
    let begun = Instant::now();
    let is_done = || -> Result<bool> {
        let figures = stage.figures()?;
        let sum = |metric: &str, label: &str| figures.sum(metric, label);
        let inside = sum("ja4sentinel_output_queued", "")
            + sum("ja4sentinel_output_spooled", "")
            + sum("ja4sentinel_stage_in_flight", "stage=\"connections\"");
        Ok(inside == 0.0)
    };
    // The last half-open connections end by time.
    stage.phase.rest(Step::Calm, Duration::from_secs(TIMEOUT_SECONDS));
    while begun.elapsed() < CALM && stage.phase.rest(Step::Calm, LOOK) {
        if is_done()? {
            break;
        }
    }
    // What the last reload took away needs a moment to end.
    stage.phase.rest(Step::Calm, 5 * LOOK);
    Ok(((Sample::take(stage, begun)?, Held::by(stage.agent.id())?), stage.figures()?))
}

/// Ends the agent and puts everything into the table.
fn judge(stage: Stage, done: &Done, observed: &Observed, length: Duration) -> Result<bool> {
    let mut table = Table::default();
    table.tell("minutes", length.as_secs() / 60);
    let commits = observed.figures.labels("ja4sentinel_build_info", "commit");
    table.tell("commit of the agent", commits.join(" "));
    for (what, times) in done.0.lock().map(|done| done.clone()).unwrap_or_default() {
        table.judge(what, times, "> 0", times > 0);
    }
    table.tell("readers that went away or stalled", stage.peers.failures.load(Relaxed));
    figures::hellos(&mut table, &stage.truth, &observed.figures);
    figures::ledger(&mut table, &observed.figures);
    figures::memory(&mut table, &observed.samples, length);
    let (before, after) = (&observed.before, &observed.after);
    figures::process(&mut table, &before.0, &after.0, &observed.samples);
    figures::kernel(&mut table, &before.1, &after.1)?;

    let Stage { agent, lab, peers, disk, .. } = stage;
    let log = agent.log();
    let errors = log.matches("\"level\":\"error\"").count();
    let refused = log.matches("the configuration stays as it was").count();
    table.judge(
        "errors in the log, refused reloads left out",
        errors - refused.min(errors),
        "= 0",
        errors == refused,
    );
    table.tell("lines of the log", log.lines().count());
    let ended = agent.end().map(|_| "balanced".to_owned());
    let last_word = ended.as_ref().map_or_else(|error| format!("{error:#}"), Clone::clone);
    table.judge("the agent's last word", last_word, "balanced", ended.is_ok());
    let left = before.1.still_there_after(FREED)?;
    ensure!(before.1.counts().iter().all(|count| *count > 0), "the agent held nothing of eBPF");
    table.judge("maps, programs, links left behind", left, "= 0", left == 0);
    let filters = ["ingress", "egress"]
        .map(|way| lab.server.run("tc", &["filter", "show", "dev", SERVER_INTERFACE, way]));
    let filters = filters.into_iter().collect::<Result<String>>()?;
    table.judge("filters left behind", filters.lines().count(), "= 0", filters.is_empty());
    drop((peers, disk));
    print!("{table}");
    Ok(table.is_well())
}
