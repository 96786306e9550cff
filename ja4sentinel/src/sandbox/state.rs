//! What this thread may do now, as the kernel says.

use std::fmt;

use nix::sys::prctl::get_no_new_privs;
use nix::unistd::geteuid;

use super::capabilities::held;
use super::files::Landlock;

/// How a thread is confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its user.
    pub user: u32,
    /// Names of its effective capabilities.
    pub capabilities: Vec<String>,
    /// Whether nothing that it executes gains privileges.
    pub no_new_privileges: bool,
    /// Whether its file system is closed.
    pub landlock: Landlock,
    /// Whether its system calls are filtered.
    pub seccomp: bool,
}

impl State {
    /// Of a thread whose calls are not filtered yet.
    pub(super) fn now(landlock: Landlock) -> Self {
        Self {
            user: geteuid().as_raw(),
            capabilities: held().iter().map(ToString::to_string).collect(),
            no_new_privileges: get_no_new_privs().unwrap_or(false),
            landlock,
            seccomp: false,
        }
    }

    /// The capabilities in a line.
    #[must_use]
    pub fn capabilities(&self) -> String {
        match self.capabilities.as_slice() {
            [] => "none".to_owned(),
            some => some.join(" "),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |set| if set { "on" } else { "off" };
        write!(
            f,
            "user {}, capabilities {}, no_new_privs {}, landlock {}, seccomp {}",
            self.user,
            self.capabilities(),
            on(self.no_new_privileges),
            self.landlock,
            on(self.seccomp)
        )
    }
}
