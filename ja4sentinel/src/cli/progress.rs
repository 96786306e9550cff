//! The progress bar of `read`.

use std::io::{IsTerminal, stderr, stdout};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ja4sentinel::capture::file::CaptureFile;

/// Packets between two looks at the bar: often enough for the eye, too rare to cost anything.
const STRIDE: u64 = 1 << 14;

/// Shows how much of one file has been read; invisible unless standard error is a terminal that
/// the records are not printed on.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// For one file.
    pub(super) fn new(name: &str, file: &CaptureFile) -> Self {
        let visible = stderr().is_terminal() && !stdout().is_terminal();
        let target = if visible {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(file.size(), target);
        let template = if file.size().is_some() {
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
        } else {
            "{msg} {spinner} {bytes} {bytes_per_sec}"
        };
        // A template that does not parse would leave the default style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        if visible {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar }
    }

    /// Called for every packet, with the count so far.
    #[inline]
    pub(super) fn packet(&self, count: u64, file: &CaptureFile) {
        if count.is_multiple_of(STRIDE) {
            self.is_at(file);
        }
    }

    /// Shows how far the file has been read.
    pub(super) fn is_at(&self, file: &CaptureFile) {
        self.bar.set_position(file.bytes_read());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
