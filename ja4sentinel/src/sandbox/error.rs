//! Why a restriction cannot be had, and what to do.

use std::io;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Restrictions hold for threads, and this program has several by now.
    #[error(
        "{0} threads run already, which would go on unconfined; this is a mistake of the program"
    )]
    Threads(usize),
    /// There is no such account.
    #[error("privileges.user: there is no user {0}: make it, or name another one")]
    NoUser(String),
    /// The account cannot be looked up.
    #[error("privileges.user: the user {0} cannot be looked up: {1}")]
    LookUp(String, #[source] io::Error),
    /// The process may not become that user.
    #[error(
        "privileges.user: cannot become user {user} ({cause}): start as root, or as that user, or \
         with CAP_SETUID and CAP_SETGID"
    )]
    Become {
        /// As configured.
        user: String,
        /// The system's words.
        cause: io::Error,
    },
    /// A capability cannot be given up.
    #[error(
        "capabilities cannot be given up: {0}; set privileges.drop_capabilities to false to go on with them"
    )]
    Capabilities(String),
    /// The kernel refuses a `prctl`.
    #[error("no_new_privs cannot be set: {0}")]
    NoNewPrivileges(#[source] io::Error),
    /// The kernel has no Landlock, and it is asked for.
    #[error(
        "privileges.landlock is on, and this kernel has no Landlock or did not start it: use Linux \
         5.13 or later with landlock in lsm=, or set it to auto"
    )]
    NoLandlock,
    /// The kernel refuses the rules.
    #[error("landlock: {0}; set privileges.landlock to off to go on without")]
    Landlock(#[from] landlock::RulesetError),
    /// The kernel refuses the filter.
    #[error("seccomp: {0}; set privileges.seccomp to off to go on without")]
    Seccomp(#[from] seccompiler::Error),
}

impl From<seccompiler::BackendError> for SandboxError {
    fn from(error: seccompiler::BackendError) -> Self {
        Self::Seccomp(error.into())
    }
}
