//! System calls by seccomp: those that the agent has a use for, and no other.
//!
//! Any other fails with EPERM. To kill the process instead would catch an intruder in the act, but
//! also an agent whose C library was renewed and has learnt a new call: it would lose every record
//! for what most programs do without. With EPERM nothing is gained by trying, and nothing is lost.

mod list;
mod rules;

use std::env::consts::ARCH;

use seccompiler::{SeccompAction, SeccompFilter, TargetArch};

use super::{Mode, SandboxError};

/// What not every agent needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Attaching a loaded program to an interface that came.
    pub attach: bool,
    /// Opening packet sockets.
    pub packet_sockets: bool,
}

/// Filters the calls of this thread and all others. Says whether they are filtered.
pub(super) fn enforce(mode: Mode, calls: Calls) -> Result<bool, SandboxError> {
    if mode == Mode::Off {
        return Ok(false);
    }
    match install(calls) {
        // A kernel without seccomp: EINVAL or ENOSYS.
        Err(SandboxError::Seccomp(seccompiler::Error::Seccomp(error)))
            if mode == Mode::Auto
                && matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(true),
    }
}

fn install(calls: Calls) -> Result<(), SandboxError> {
    let refused = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let arch: TargetArch = ARCH.try_into()?;
    let allowed =
        SeccompFilter::new(rules::of(calls)?, refused(libc::EPERM), SeccompAction::Allow, arch)?;
    // Its flags lie in memory, where no filter sees them. C libraries go back to `clone` where the
    // kernel does not know it.
    let unseen = SeccompFilter::new(
        [(libc::SYS_clone3, Vec::new())].into(),
        SeccompAction::Allow,
        refused(libc::ENOSYS),
        arch,
    )?;
    for filter in [unseen, allowed] {
        let program: seccompiler::BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)?;
    }
    Ok(())
}
