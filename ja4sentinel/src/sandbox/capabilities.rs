//! Capabilities, capabilities(7), and the promise to gain none.

use std::io;

use caps::{CapSet, Capability, CapsHashSet};

use super::SandboxError;

/// Those that this thread has in effect.
#[must_use]
pub fn held() -> Vec<Capability> {
    let mut held: Vec<_> =
        caps::read(None, CapSet::Effective).unwrap_or_default().into_iter().collect();
    held.sort_unstable_by_key(Capability::index);
    held
}

/// Whether this kernel asks for CAP_BPF at every use of a map, as those before 5.19 do where
/// `kernel.unprivileged_bpf_disabled` is on. Tried, without it, on this thread.
#[must_use]
pub fn needs_bpf_for_maps() -> bool {
    let Ok(held) = caps::read(None, CapSet::Effective) else { return true };
    let strong = [Capability::CAP_BPF, Capability::CAP_SYS_ADMIN];
    let without: CapsHashSet = held.iter().filter(|one| !strong.contains(one)).copied().collect();
    if caps::set(None, CapSet::Effective, &without).is_err() {
        return true;
    }
    // `union bpf_attr` of BPF_MAP_LOOKUP_ELEM, whose first member is the map: one that never is.
    let attributes = [u64::from(u32::MAX), 0, 0, 0];
    // SAFETY: the kernel reads as many bytes as there are, finds no map, and touches nothing.
    unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_MAP_LOOKUP_ELEM,
            attributes.as_ptr(),
            size_of_val(&attributes),
        );
    }
    let refused = io::Error::last_os_error().raw_os_error() == Some(libc::EPERM);
    // Back to what is permitted all along.
    refused | caps::set(None, CapSet::Effective, &held).is_err()
}

/// From `linux/bpf.h`.
const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;

/// No program that this thread executes gains privileges from now on.
pub(super) fn set_no_new_privileges() -> Result<(), SandboxError> {
    nix::sys::prctl::set_no_new_privs().map_err(|error| SandboxError::NoNewPrivileges(error.into()))
}

/// Prepares for a change of the user with all capabilities but `kept` to be given up; gives those of
/// them that there are. What can be lost only while CAP_SETPCAP is there is lost here.
pub(super) fn begin(kept: &[Capability]) -> Result<CapsHashSet, SandboxError> {
    let permitted = caps::read(None, CapSet::Permitted).map_err(failed)?;
    let kept: CapsHashSet = kept.iter().filter(|one| permitted.contains(one)).copied().collect();
    if permitted.contains(&Capability::CAP_SETPCAP) {
        let bounding = caps::read(None, CapSet::Bounding).map_err(failed)?;
        for lost in bounding.difference(&kept) {
            caps::drop(None, CapSet::Bounding, *lost).map_err(failed)?;
        }
    }
    // Else a user who is not root would lose them all.
    nix::sys::prctl::set_keepcaps(true)
        .map_err(|error| SandboxError::Capabilities(error.to_string()))?;
    Ok(kept)
}

/// Gives up all but these.
pub(super) fn finish(kept: &CapsHashSet) -> Result<(), SandboxError> {
    caps::clear(None, CapSet::Ambient).map_err(failed)?;
    caps::clear(None, CapSet::Inheritable).map_err(failed)?;
    caps::set(None, CapSet::Effective, kept).map_err(failed)?;
    caps::set(None, CapSet::Permitted, kept).map_err(failed)?;
    nix::sys::prctl::set_keepcaps(false)
        .map_err(|error| SandboxError::Capabilities(error.to_string()))
}

fn failed(error: caps::errors::CapsError) -> SandboxError {
    SandboxError::Capabilities(error.to_string())
}
