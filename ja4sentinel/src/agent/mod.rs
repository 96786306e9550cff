//! The service: a source of frames, a sensor, outputs, and what keeps them together.

mod backend;
mod condition;
mod engine;
mod interfaces;
mod ledger;
pub mod log;
mod report;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use crate::capture::Live;
use crate::config::Config;
use crate::output::Outputs;
use backend::Backend;
use condition::Condition;
use engine::Engine;
use report::Report;

pub use ledger::LedgerLine;

/// Between two looks at the clock and the interfaces.
const TICK: Duration = Duration::from_secs(1);
/// What outputs have at the end for writing out what is queued.
const DRAIN: Duration = Duration::from_secs(5);

/// Watches until a signal (SIGINT or SIGTERM) or the last output ends it; then what was captured is
/// written out and everything in the kernel is let go.
///
/// # Errors
/// No backend works, an interface asked for by its name does not exist, or the source failed while
/// running.
pub async fn run(config: &Config) -> Result<()> {
    match backend::open(config)? {
        Backend::Ebpf(source) => {
            let condition = Condition::new(config.bpf_filter.as_deref())?;
            serve(*source, "ebpf", condition, config).await
        }
        // libpcap has the condition in its own filter.
        #[cfg(feature = "libpcap")]
        Backend::Pcap(source) => serve(*source, "pcap", Condition::default(), config).await,
    }
}

/// Why the service ends.
enum End {
    Signal(&'static str),
    /// Nobody reads the records any more.
    OutputsClosed,
}

async fn serve<S: Live>(
    source: S,
    backend: &'static str,
    condition: Condition,
    config: &Config,
) -> Result<()> {
    let listen =
        |kind: SignalKind| -> Result<Signal> { signal(kind).context("cannot listen for signals") };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let mut user = listen(SignalKind::user_defined1())?;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);

    let outputs = Outputs::start(&config.outputs);
    let mut engine = Engine::new(source, backend, config, &outputs, condition);
    let mut report = Report::default();
    tracing::info!(backend, interfaces = config.interfaces.to_string(), "ready");

    let end = loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break End::Signal("SIGINT"),
            _ = terminate.recv() => break End::Signal("SIGTERM"),
            () = outputs.all_closed() => break End::OutputsClosed,
            // Either says that files were moved away.
            _ = hangup.recv() => outputs.reopen(),
            _ = user.recv() => outputs.reopen(),
            _ = tick.tick() => {
                engine.tick();
                report.tick(|| engine.ledger());
            }
            ready = engine.ready() => {
                ready.context("the source cannot be waited for")?;
                engine.drain()?;
            }
        }
    };

    if let End::Signal(signal) = end {
        tracing::info!(signal, "ending");
    }
    engine.finish();
    let mut ledger = engine.ledger();
    drop(engine);
    let counts = outputs.drain(Instant::now() + DRAIN);
    ledger::replace_outputs(&mut ledger, &counts);
    if let End::Signal(_) = end {
        report::end(&ledger);
    }
    Ok(())
}
