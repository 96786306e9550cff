//! Flat fields to nested ones, by a table.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Map, Value};

/// Where a field of the flat record goes, and in what form.
pub(super) struct Row {
    /// The flat field.
    pub(super) from: &'static str,
    /// The path below which it goes, its own name last.
    pub(super) to: &'static [&'static str],
    /// Its form there; `None` where it has none, so that it stays with the rest.
    pub(super) form: fn(&Value) -> Option<Value>,
}

/// A row that keeps the value as it is.
pub(super) const fn row(from: &'static str, to: &'static [&'static str]) -> Row {
    Row { from, to, form: same }
}

/// A row that changes the value's form.
pub(super) const fn formed(
    from: &'static str,
    to: &'static [&'static str],
    form: fn(&Value) -> Option<Value>,
) -> Row {
    Row { from, to, form }
}

fn same(value: &Value) -> Option<Value> {
    Some(value.clone())
}

/// Moves the fields of `flat` to where `rows` say, in the order of the rows; what they do not
/// mention goes below `ja4sentinel`. `fixed` comes with every record, in front.
pub(super) fn nest(
    fixed: Map<String, Value>,
    rows: &[Row],
    mut flat: Map<String, Value>,
) -> Map<String, Value> {
    let mut nested = fixed;
    let mut used = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(value) = flat.get(row.from).and_then(row.form) {
            insert(&mut nested, row.to, value);
            used.push(row.from);
        }
    }
    flat.retain(|name, _| !used.contains(&name.as_str()));
    if !flat.is_empty() {
        nested.insert("ja4sentinel".to_owned(), Value::Object(flat));
    }
    nested
}

fn insert(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            map.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let below = map.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// Nanoseconds since the epoch as RFC 3339 with microseconds, in UTC.
pub(super) fn rfc3339_micros(nanoseconds: &Value) -> Option<String> {
    let at = UNIX_EPOCH + Duration::from_nanos(nanoseconds.as_u64()?);
    Some(humantime::format_rfc3339_micros(at).to_string())
}

/// Nanoseconds since the epoch as RFC 3339 with nanoseconds, in UTC.
pub(super) fn rfc3339_nanos(nanoseconds: &Value) -> Option<String> {
    let at = UNIX_EPOCH + Duration::from_nanos(nanoseconds.as_u64()?);
    Some(humantime::format_rfc3339_nanos(at).to_string())
}
