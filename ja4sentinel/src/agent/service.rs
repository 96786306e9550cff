//! The loop of the service: signals, the clock and frames, each in its turn.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::backend::Configured;
use super::changes::changes;
use super::control::Control;
use super::engine::Engine;
use super::ledger::LedgerLine;
use super::meter::Meter;
use super::privileges::{self, Confined};
use super::report::{self, Report};
use super::signals::{Asked, Signals};
use super::supervisor::Supervisor;
use super::{Board, Origin, ledger, log};
use crate::capture::{LinkEvent, LinkEvents};
use crate::config::{Config, Listen};
use crate::output::Outputs;

/// Between two looks at the clock and the interfaces.
const TICK: Duration = Duration::from_secs(1);
/// What outputs have at the end for writing out what is queued.
const DRAIN: Duration = Duration::from_secs(5);
/// Ticks between two lines of status for the service manager.
const STATUS: u64 = 10;

/// Everything that runs.
pub(super) struct Service<'a, S> {
    config: Config,
    origin: Origin<'a>,
    confined: Confined,
    engine: Engine<S>,
    outputs: Arc<Outputs>,
    board: Board,
    meter: Option<Meter>,
    control: Option<Control>,
    supervisor: Supervisor,
    links: Option<LinkEvents>,
    report: Report,
    ticks: u64,
}

/// Why the service ends.
enum End {
    Signal(&'static str),
    /// Nobody reads the records any more.
    OutputsClosed,
}

impl<'a, S: Configured> Service<'a, S> {
    /// Around a source that watches its interfaces already. Once everything is open that needs
    /// privileges, they are given up.
    ///
    /// # Errors
    /// The metrics cannot be served, or the privileges not be given up as is wanted.
    pub(super) async fn start(source: S, config: Config, origin: Origin<'a>) -> Result<Self> {
        let settings = &config.settings;
        tracing::debug!(
            limits = ?settings.limits,
            clients = ?settings.clients,
            proxy_protocol = ?settings.proxy_protocol,
            starttls = settings.starttls,
            tunnel_depth = settings.tunnel_depth,
            "settings"
        );
        let needs = source.needs(config.follow_interfaces);
        // Their threads come after the privileges have gone, so that none ever has any.
        let outputs = Arc::new(Outputs::start(&[]));
        let mut engine = Engine::new(source, &config, &outputs)?;
        engine.heed_log_level();
        let board = watch::Sender::new(Arc::new(engine.snapshot(true)));
        let meter = Meter::start(config.metrics.as_ref(), &board).await?;
        let control = open_control(&config, &board).await;
        let supervisor = Supervisor::from_env();
        let account = privileges::account(&config)?;
        if let Some(Listen::Unix(path)) = &config.metrics {
            privileges::hand_over(path, account.as_ref());
        }
        for path in control.iter().flat_map(Control::paths) {
            privileges::hand_over(path, account.as_ref());
        }
        let confined = Confined::confine(&config, origin.file, needs)?;
        engine.set_follows(confined.follows());
        outputs.reconfigure(&config.outputs, Instant::now());
        Ok(Self {
            meter,
            control,
            supervisor,
            links: follow_links(),
            origin,
            confined,
            report: Report::default(),
            ticks: 0,
            config,
            engine,
            outputs,
            board,
        })
    }

    /// Runs until the end.
    ///
    /// # Errors
    /// The source failed.
    pub(super) async fn run(mut self, mut signals: Signals) -> Result<()> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let interfaces = self.config.interfaces.to_string();
        tracing::info!(backend = S::NAME, interfaces, "ready");
        let status = self.status();
        self.supervisor.ready(&status);
        self.engine.look_for_others();
        let end = loop {
            tokio::select! {
                biased;
                asked = signals.next() => match asked {
                    Asked::End(signal) => break End::Signal(signal),
                    Asked::Reopen => self.outputs.reopen(),
                    Asked::Reload => self.reload().await,
                },
                () = self.outputs.all_closed() => break End::OutputsClosed,
                () = self.supervisor.beat() => self.beat()?,
                _ = tick.tick() => self.tick()?,
                events = link_events(self.links.as_ref()) => self.links_changed(events),
                ready = self.engine.ready() => {
                    ready.context("the source cannot be waited for")?;
                    if self.engine.drain()? {
                        // Those who ask for metrics run on the same thread.
                        tokio::task::yield_now().await;
                    }
                }
            }
        };
        self.end(&end);
        Ok(())
    }

    fn tick(&mut self) -> Result<()> {
        // Should a wake-up ever get lost, it costs a second and nothing else.
        self.engine.drain()?;
        self.engine.tick();
        self.engine.heed_log_level();
        log::tell_left_out(false);
        self.report.tick(|| self.engine.ledger());
        self.board.send_replace(Arc::new(self.engine.snapshot(true)));
        self.ticks += 1;
        if self.ticks.is_multiple_of(STATUS) {
            let status = self.status();
            self.supervisor.status(&status);
        }
        Ok(())
    }

    fn links_changed(&mut self, events: io::Result<Vec<LinkEvent>>) {
        match events {
            Ok(events) => self.engine.links_changed(&events),
            Err(error) => {
                tracing::warn!(%error, "interfaces are followed with each tick only");
                self.links = None;
            }
        }
    }

    /// Gives the service manager a sign of life, but not when the reading is stuck.
    fn beat(&mut self) -> Result<()> {
        if self.engine.makes_progress()? {
            self.supervisor.alive();
        } else {
            tracing::error!("frames wait in the kernel and none can be read");
        }
        Ok(())
    }

    /// What the service does, in a line.
    fn status(&mut self) -> String {
        let ledger = self.engine.ledger();
        format!("Watching {} by {}: {}", self.config.interfaces, S::NAME, LedgerLine(&ledger))
    }

    /// Opens files again, and takes over the configuration as it is now. When there is a mistake in
    /// it, the old one goes on.
    async fn reload(&mut self) {
        self.supervisor.reloading();
        self.outputs.reopen();
        match (self.origin.reload)() {
            Ok(config) => match self.take_over(config).await {
                Ok(changed) => tracing::info!(changed, "configuration taken over"),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the configuration stays as it was");
                }
            },
            Err(mistakes) => {
                for mistake in mistakes.lines() {
                    tracing::error!(mistake, "the configuration stays as it was");
                }
            }
        }
        let status = self.status();
        self.supervisor.ready(&status);
    }

    /// Goes by another configuration from now on. Says what changed.
    ///
    /// # Errors
    /// Something in it cannot be had, and nothing changes.
    async fn take_over(&mut self, config: Config) -> Result<String> {
        let changes = changes(&self.config, &config);
        let changed = |section: &str| changes.contains(&section);
        // What may fail comes first.
        self.confined.permits(&config, self.origin.file, &changes)?;
        let prepared = self.engine.prepare(&config)?;
        let meter = match changed("metrics") {
            true => Meter::start(config.metrics.as_ref(), &self.board).await?,
            false => None,
        };
        if let Err(error) = self.engine.reconfigure(&config, prepared) {
            // The old one was good enough for the kernel.
            let old = self.engine.prepare(&self.config)?;
            self.engine.reconfigure(&self.config, old)?;
            bail!(error);
        }
        if changed("metrics") {
            self.meter = meter;
        }
        if changed("control") {
            self.control = open_control(&config, &self.board).await;
        }
        if changed("outputs") {
            self.outputs.reconfigure(&config.outputs, Instant::now() + DRAIN);
        }
        if changed("core.interface") || changed("core.listen_ports") {
            self.engine.look_for_others();
        }
        // A level that was set by hand stays until the file says another one.
        if changed("core.log_level") {
            log::set_level(config.log_level);
        }
        let mut later = S::fixed(&self.config, &config);
        let at_start = ["core.log_target", "core.follow_interfaces", "privileges"];
        later.extend(at_start.iter().filter(|key| changed(key)));
        if !later.is_empty() {
            tracing::warn!(keys = later.join(", "), "these take effect at the next start");
        }
        self.config = config;
        Ok(if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") })
    }

    fn end(mut self, end: &End) {
        if let End::Signal(signal) = end {
            tracing::info!(signal, "ending");
        }
        self.supervisor.stopping();
        log::tell_left_out(true);
        self.engine.finish();
        self.board.send_replace(Arc::new(self.engine.snapshot(false)));
        let mut ledger = self.engine.ledger();
        drop(self.engine);
        let counts = self.outputs.drain(Instant::now() + DRAIN);
        ledger::replace_outputs(&mut ledger, &counts);
        if let End::Signal(_) = end {
            report::end(&ledger);
        }
    }
}

/// The kernel's word of interfaces; without it they are followed with each tick.
fn follow_links() -> Option<LinkEvents> {
    match LinkEvents::open() {
        Ok(links) => Some(links),
        Err(error) => {
            tracing::warn!(%error, "interfaces are followed with each tick only");
            None
        }
    }
}

async fn link_events(links: Option<&LinkEvents>) -> io::Result<Vec<LinkEvent>> {
    match links {
        Some(links) => links.next().await,
        None => std::future::pending().await,
    }
}

/// The control socket, if one is wanted and can be had: an agent that cannot be asked does its work
/// all the same.
async fn open_control(config: &Config, board: &Board) -> Option<Control> {
    let path = config.control.as_deref()?;
    match Control::start(path, board).await {
        Ok(control) => Some(control),
        Err(error) => {
            let error = format!("{error:#}");
            // Nobody asked for the default one.
            if path == Path::new(Config::CONTROL) {
                tracing::info!(error, "no control socket");
            } else {
                tracing::warn!(error, "no control socket");
            }
            None
        }
    }
}
