//! What the service manager is told: sd_notify(3), in the protocol's own few words.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How long a message may wait for a service manager that does not read.
const PATIENCE: Duration = Duration::from_millis(100);

/// The way to the service manager, if it wants to hear from us.
pub(super) struct Supervisor {
    socket: Option<UnixDatagram>,
    /// When it wants a sign of life.
    beats: Option<Interval>,
}

impl Supervisor {
    /// As the environment says: NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. A socket that cannot
    /// be reached is said, and no error.
    pub(super) fn from_env() -> Self {
        let address = env::var_os("NOTIFY_SOCKET").filter(|address| !address.is_empty());
        let socket = address.and_then(|address| {
            connect(&address)
                .inspect_err(|error| tracing::warn!(%error, ?address, "NOTIFY_SOCKET is of no use"))
                .ok()
        });
        let variable = |name| env::var(name).ok();
        let every = beat(
            variable("WATCHDOG_USEC").as_deref(),
            variable("WATCHDOG_PID").as_deref(),
            std::process::id(),
        );
        let beats = every.filter(|_| socket.is_some()).map(|every| {
            let mut beats = interval(every);
            beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beats
        });
        Self { socket, beats }
    }

    /// The service does its work from now on.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// A reload begins; it ends with [`Supervisor::ready`].
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.as_micros()));
    }

    /// The service ends.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=Writing out what is queued");
    }

    /// A line for people.
    pub(super) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// Waits until a sign of life is due; forever when none is wanted.
    pub(super) async fn beat(&mut self) {
        match &mut self.beats {
            Some(beats) => drop(beats.tick().await),
            None => std::future::pending().await,
        }
    }

    /// The sign of life.
    pub(super) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!(%error, message, "the service manager does not listen");
        }
    }
}

/// A path, or behind `@` a name in the abstract namespace.
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// How often a sign of life is due: twice within the watchdog's time. `None` when it is not for us.
fn beat(watchdog: Option<&str>, of: Option<&str>, own: u32) -> Option<Duration> {
    if of.is_some_and(|of| of.parse() != Ok(own)) {
        return None;
    }
    let micros: u64 = watchdog?.parse().ok()?;
    (micros > 1).then(|| Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_of_life_is_due_twice_within_the_time_and_only_from_us() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(beat(Some("2000000"), None, 7), second);
        assert_eq!(beat(Some("2000000"), Some("7"), 7), second);
        assert_eq!(beat(Some("2000000"), Some("8"), 7), None);
        assert_eq!(beat(None, Some("7"), 7), None);
        for nonsense in ["", "0", "1", "-5", "x"] {
            assert_eq!(beat(Some(nonsense), None, 7), None, "{nonsense}");
        }
    }
}
