//! Service messages on standard error: JSON lines, or text on a terminal.

mod json;
mod limit;
mod target;

use std::io::stderr;
use std::sync::OnceLock;
use std::time::Instant;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{LogLevel, LogTarget};
use json::JsonLines;
use limit::{LIMIT, Limited};
use target::{Form, form};

/// The level of the log that was begun.
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Begins to write messages up to `level`. A second call changes nothing.
pub fn start(level: LogLevel, target: LogTarget) {
    let (level, handle) = reload::Layer::new(filter(level));
    let lines = fmt::layer().with_writer(stderr);
    let lines = match form(target) {
        Form::Text => lines.with_target(false).boxed(),
        Form::Json => lines.event_format(JsonLines { priority: false }).boxed(),
        Form::Journal => lines.event_format(JsonLines { priority: true }).boxed(),
    };
    let registry = tracing_subscriber::registry().with(level).with(lines.with_filter(Limited));
    if registry.try_init().is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// The level up to which messages are written, if the log was begun.
pub(super) fn level() -> Option<&'static str> {
    let now = LEVEL.get()?.with_current(|level| *level).ok()?;
    LogLevel::NAMES.into_iter().find(|(_, level)| filter(*level) == now).map(|(name, _)| name)
}

/// Writes messages up to `level` from now on, if the log was begun.
pub(super) fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get() {
        // It fails only when the log is gone.
        let _ = handle.reload(filter(level));
    }
}

/// Says how many messages were left out, because too many of a kind came at once; to be called now
/// and then, and at the end with `all`.
pub(super) fn tell_left_out(all: bool) {
    for (message, count) in LIMIT.take_left_out(Instant::now(), all) {
        tracing::warn!(like = message, count, "messages left out");
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
