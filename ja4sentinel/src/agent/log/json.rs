//! One JSON object a line.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// One flat JSON object a line: timestamp (nanoseconds since the UNIX epoch), level, component,
/// message, and the message's own fields.
pub(super) struct JsonLines {
    /// Whether the line begins with its priority, for journald.
    pub(super) priority: bool,
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let level = event.metadata().level().as_str().to_lowercase();
        let mut line = Line(vec![
            ("timestamp", u64::try_from(now).unwrap_or(u64::MAX).into()),
            ("level", level.into()),
            ("component", component(event.metadata().target()).into()),
            ("message", Value::Null),
        ]);
        event.record(&mut line);
        if self.priority {
            write!(writer, "<{}>", priority(*event.metadata().level()))?;
        }
        for (i, (name, value)) in line.0.iter().enumerate() {
            let before = if i == 0 { '{' } else { ',' };
            write!(writer, "{before}{}:{value}", Value::from(*name))?;
        }
        writeln!(writer, "}}")
    }
}

/// As in syslog(3).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// `ja4sentinel::output::worker` is the component `output`.
fn component(target: &str) -> &str {
    let own = target.strip_prefix("ja4sentinel::").unwrap_or(target);
    own.split("::").next().unwrap_or(own)
}

/// Names and values in their order.
struct Line(Vec<(&'static str, Value)>);

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        match self.0.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, known)) => *known = value.into(),
            None => self.0.push((field.name(), value.into())),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::kept::Kept;

    fn said(priority: bool, say: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .event_format(JsonLines { priority })
            .finish();
        tracing::subscriber::with_default(subscriber, say);
        kept.text()
    }

    #[test]
    fn a_line_is_one_json_object_with_the_message_s_fields() {
        let text = said(false, || {
            tracing::warn!(target: "ja4sentinel::output::worker", count = 7, why = "a \"b\"\n", "lost");
        });
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.starts_with("{\"timestamp\":"), "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert!(line["timestamp"].as_u64().unwrap() > 1_700_000_000_000_000_000);
        assert_eq!(line["level"], "warn");
        assert_eq!(line["component"], "output");
        assert_eq!(line["message"], "lost");
        assert_eq!(line["count"], 7);
        assert_eq!(line["why"], "a \"b\"\n");
    }

    #[test]
    fn the_priority_stands_before_the_line() {
        assert!(said(true, || tracing::error!("x")).starts_with("<3>{\"timestamp\":"));
        assert!(said(true, || tracing::info!("x")).starts_with("<6>{\"timestamp\":"));
    }
}
