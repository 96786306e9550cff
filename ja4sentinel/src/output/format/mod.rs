//! Shapes of a line.

use super::settings::OutputConfig;
use crate::record::Record;

/// Writes records as lines of one shape.
pub(super) struct Formatter {}

impl Formatter {
    pub(super) fn new(_config: &OutputConfig) -> Self {
        Self {}
    }

    /// Appends `record` as one line of JSON with its newline. JSON escapes control characters in
    /// strings, so that no client can end a line.
    pub(super) fn line(&self, record: &Record, line: &mut Vec<u8>) {
        let begin = line.len();
        if serde_json::to_writer(&mut *line, record).is_err() {
            // Writing to memory cannot fail, and every key of a record is a string.
            line.truncate(begin);
            line.extend_from_slice(b"{}");
        }
        line.push(b'\n');
    }
}
