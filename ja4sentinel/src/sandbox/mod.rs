//! What the process gives up for good: its user, capabilities, new privileges, the file system, and
//! system calls that it has no use for.
//!
//! Everything here concerns the calling thread alone and is inherited by the threads that it starts.
//! [`confine`] therefore comes before there is any other, and checks that.

mod account;
mod calls;
mod capabilities;
mod error;
mod files;
mod state;

use std::fmt;

pub use account::Account;
pub use calls::Calls;
pub use caps::Capability;
pub use error::SandboxError;
pub use files::{Files, Landlock};
pub use state::State;

pub use capabilities::{held, needs_bpf_for_maps};

/// How much a restriction is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// As far as the kernel has it.
    #[default]
    Auto,
    /// The agent does not start without it.
    On,
    /// Not at all.
    Off,
}

/// What is to remain.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The user to become; `None` stays.
    pub account: Option<Account>,
    /// The only capabilities that are kept, of those that are there; `None` keeps all.
    pub capabilities: Option<Vec<Capability>>,
    /// Whether no program that is executed may gain privileges. Landlock and seccomp imply it.
    pub no_new_privileges: bool,
    /// Whether the file system is closed but for `files`.
    pub landlock: Mode,
    /// What of the file system stays open.
    pub files: Files,
    /// Whether system calls are filtered.
    pub seccomp: Mode,
    /// Which of those that not every agent needs stay open.
    pub calls: Calls,
}

/// Gives up everything that `plan` does not keep, for this thread and all that it will start.
///
/// # Errors
/// There is another thread already, which would go on unconfined, or what is wanted cannot be had.
/// A part may have been given up then: the program should end.
pub fn confine(plan: &Plan) -> Result<State, SandboxError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(SandboxError::Threads(threads));
    }
    confine_thread(plan)
}

/// The same for this thread whatever others there are: for trials, on a thread that then ends.
///
/// # Errors
/// What is wanted cannot be had.
pub fn confine_thread(plan: &Plan) -> Result<State, SandboxError> {
    // The rules are made while every path can still be opened, and come into force behind the change
    // of the user.
    let rules = files::prepare(plan.landlock, &plan.files)?;
    if plan.no_new_privileges {
        capabilities::set_no_new_privileges()?;
    }
    match &plan.capabilities {
        Some(kept) => {
            let kept = capabilities::begin(kept)?;
            if let Some(account) = &plan.account {
                account.assume()?;
            }
            capabilities::finish(&kept)?;
        }
        None => {
            if let Some(account) = &plan.account {
                account.assume()?;
            }
        }
    }
    let mut state = State::now(files::enforce(plan.landlock, rules)?);
    // Last, as it takes away the calls of all the above.
    state.seccomp = calls::enforce(plan.seccomp, plan.calls)?;
    Ok(state)
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}
