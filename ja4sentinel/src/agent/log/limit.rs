//! No more than so many messages of a kind in a while: what a peer or a flapping link can cause as
//! often as it likes shall not fill a disk.

use std::collections::HashMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// Messages of one kind that are written in one [`WHILE`]: a host with so many interfaces can name
/// each of them at the start.
const MOST: u64 = 50;
/// The while.
const WHILE: Duration = Duration::from_secs(10);

/// What was written lately; a kind is a place in the source.
pub(super) static LIMIT: LazyLock<Limit> = LazyLock::new(Limit::default);

/// Lets through our own messages, as many as [`LIMIT`] admits.
pub(super) struct Limited;

impl<S> Filter<S> for Limited {
    /// Libraries are heard from `info` on: what they say below that is about themselves.
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *metadata.level() <= Level::INFO || metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        !is_loader(event) && LIMIT.admits(event, Instant::now())
    }
}

/// Whether aya says it: what it warns of, the error that it gives afterwards says as well, with the
/// remedy. (Its messages come from the `log` crate, whose targets are fields here.)
fn is_loader(event: &Event<'_>) -> bool {
    struct Loader(bool);

    impl Visit for Loader {
        fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

        fn record_str(&mut self, field: &Field, value: &str) {
            self.0 |= field.name() == "log.target" && value.starts_with("aya::");
        }
    }

    let mut loader = Loader(false);
    if event.metadata().target() == "log" {
        event.record(&mut loader);
    }
    loader.0
}

/// Counts by kind; there are no more of them than places in the source that log.
#[derive(Default)]
pub(super) struct Limit(Mutex<HashMap<Identifier, Kind>>);

struct Kind {
    since: Instant,
    written: u64,
    left_out: u64,
    /// What the first one that was left out said.
    message: String,
}

impl Limit {
    /// Whether the message may be written.
    fn admits(&self, event: &Event<'_>, now: Instant) -> bool {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(event.metadata().callsite()).or_insert_with(|| Kind {
            since: now,
            written: 0,
            left_out: 0,
            message: String::new(),
        });
        // What was left out is told before the next while begins.
        if now.duration_since(kind.since) >= WHILE && kind.left_out == 0 {
            kind.since = now;
            kind.written = 0;
        }
        if kind.written < MOST {
            kind.written += 1;
            return true;
        }
        if kind.left_out == 0 {
            kind.message.clear();
            event.record(&mut Message(&mut kind.message));
        }
        kind.left_out += 1;
        false
    }

    /// Messages that were left out in a while that is over (or with `all` in any), with how many
    /// like them were.
    pub(super) fn take_left_out(&self, now: Instant, all: bool) -> Vec<(String, u64)> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = kinds
            .values_mut()
            .filter(|kind| kind.left_out > 0 && (all || now.duration_since(kind.since) >= WHILE));
        over.map(|kind| {
            let left_out = std::mem::take(&mut kind.left_out);
            kind.since = now;
            kind.written = 0;
            (std::mem::take(&mut kind.message), left_out)
        })
        .collect()
    }
}

/// Takes down the field `message`.
struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            *self.0 = format!("{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::agent::kept::Kept;

    #[test]
    fn too_many_of_a_kind_are_counted_and_other_kinds_are_not_touched() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(Limited));
        let flap = |number| tracing::warn!(number, "flapping");
        let later = Instant::now() + 2 * WHILE;
        tracing::subscriber::with_default(subscriber, || {
            (0..MOST + 7).for_each(flap);
            tracing::warn!("something else");
            tracing::warn!(target: "log", { "log.target" = "aya::sys::bpf" }, "the loader");
            tracing::warn!(target: "log", { "log.target" = "rustls::client" }, "another library");
            let flapping = |all, now| -> Vec<_> {
                let left_out = LIMIT.take_left_out(now, all).into_iter();
                left_out.filter(|(message, _)| message == "flapping").collect()
            };
            assert_eq!(flapping(false, Instant::now()), [], "the while is not over");
            assert_eq!(flapping(false, later), [("flapping".to_owned(), 7)]);
            assert_eq!(flapping(true, later), [], "told once");
            flap(MOST + 7);
            (0..MOST).for_each(flap);
            assert_eq!(flapping(true, later), [("flapping".to_owned(), 1)]);
        });
        let text = kept.text();
        assert_eq!(text.matches("flapping").count() as u64, 2 * MOST);
        assert_eq!(text.matches("something else").count(), 1);
        assert_eq!(text.matches("another library").count(), 1);
        assert!(!text.contains("the loader"), "{text}");
    }
}
