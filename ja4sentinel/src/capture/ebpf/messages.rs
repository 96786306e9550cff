//! The program's own messages (aya-log), passed on to the service log at debug level.

use aya::Ebpf;
use aya_log::EbpfLogger;

use super::error::EbpfError;

/// The reading end of the messages.
pub(super) struct Messages(EbpfLogger<ToTracing>);

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Messages")
    }
}

impl Messages {
    pub(super) fn of(object: &mut Ebpf) -> Result<Self, EbpfError> {
        Ok(Self(EbpfLogger::init_with_logger(object, ToTracing)?))
    }

    /// Passes on what has come. The program writes only when [`ja4sentinel_common::Config`] says
    /// so, and only of rare events.
    pub(super) fn pass_on(&mut self) {
        self.0.flush();
    }
}

struct ToTracing;

impl log::Log for ToTracing {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        tracing::enabled!(tracing::Level::DEBUG)
    }

    fn log(&self, record: &log::Record<'_>) {
        tracing::debug!(file = record.file(), line = record.line(), "kernel: {}", record.args());
    }

    fn flush(&self) {}
}
