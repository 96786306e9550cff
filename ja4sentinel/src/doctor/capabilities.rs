//! What this process may do, by capabilities(7).

use std::fs;

use super::{Check, Status};
use crate::config::Backend;

const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
const SYS_ADMIN: u32 = 21;
pub(super) const SYS_RESOURCE: u32 = 24;
pub(super) const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// What the eBPF backend needs.
const EBPF: [u32; 2] = [BPF, NET_ADMIN];

/// Names of those that matter here.
const NAMES: [(u32, &str); 6] = [
    (BPF, "CAP_BPF"),
    (NET_ADMIN, "CAP_NET_ADMIN"),
    (NET_RAW, "CAP_NET_RAW"),
    (PERFMON, "CAP_PERFMON"),
    (SYS_ADMIN, "CAP_SYS_ADMIN"),
    (SYS_RESOURCE, "CAP_SYS_RESOURCE"),
];

/// The effective capabilities of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Capabilities {
    mask: u64,
    /// They hold in a user namespace only, where the kernel's bpf() refuses them.
    confined: bool,
}

impl Capabilities {
    pub(super) fn of_this_process() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("CapEff:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or(0);
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let map: Vec<&str> = map.split_whitespace().collect();
        // The first user namespace maps every identifier to itself.
        Self { mask, confined: !map.is_empty() && map != ["0", "0", "4294967295"] }
    }

    #[cfg(test)]
    pub(super) fn of_mask(mask: u64) -> Self {
        Self { mask, confined: false }
    }

    pub(super) fn have(&self, capability: u32) -> bool {
        self.mask >> capability & 1 == 1
    }

    /// Whether those that every kernel asks for are there; older ones ask for [`PERFMON`] too.
    pub(super) fn are_enough_for_ebpf(&self) -> bool {
        self.lacking(&EBPF).is_empty()
    }

    /// Those that are needed, and are not there.
    fn lacking(&self, needed: &[u32]) -> Vec<&'static str> {
        // CAP_SYS_ADMIN was all of them once, and for bpf() still is.
        let has = |one| self.have(one) || (one == BPF && self.have(SYS_ADMIN));
        let lacking = NAMES.iter().filter(|(one, _)| needed.contains(one) && !has(*one));
        lacking.map(|(_, name)| *name).collect()
    }

    fn held(&self) -> String {
        let held = NAMES.iter().filter(|(one, _)| self.have(*one)).map(|(_, name)| *name);
        let held: Vec<&str> = held.collect();
        if held.is_empty() { "none that matter here".to_owned() } else { held.join(" ") }
    }
}

/// Whether they are enough for the backend that is wanted.
pub(super) fn check(capabilities: &Capabilities, wanted: Backend) -> Check {
    const NAME: &str = "capabilities";
    let held = capabilities.held();
    let ebpf = capabilities.lacking(&EBPF);
    let pcap = capabilities.lacking(&[NET_RAW]);
    let lacking = match wanted {
        Backend::Ebpf | Backend::Auto => &ebpf,
        Backend::Pcap => &pcap,
    };
    let remedy = |lacking: &[&str]| {
        let list = lacking.join(" ");
        format!(
            "run as root, or grant {list}: AmbientCapabilities={list} in the unit, or setcap(8) on \
             the program"
        )
    };
    if !lacking.is_empty() {
        let falls_back = wanted == Backend::Auto && pcap.is_empty();
        let status = if falls_back { Status::Warning } else { Status::Failed };
        let found = format!("{} missing (there: {held})", lacking.join(" and "));
        return Check::bad(NAME, status, found, remedy(lacking));
    }
    if capabilities.confined && wanted != Backend::Pcap {
        let found = format!("{held}, but only inside a user namespace, where bpf() refuses them");
        let remedy = "run the agent in the host's user namespace, or with core.backend: pcap";
        return Check::bad(NAME, super::kernel::needed(wanted), found, remedy);
    }
    Check::ok(NAME, held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_backend_needs_its_own() {
        let status = |held: &[u32], wanted| {
            let mask = held.iter().fold(0, |mask, one| mask | 1 << one);
            check(&Capabilities::of_mask(mask), wanted).status
        };
        let ebpf = [BPF, NET_ADMIN];
        assert_eq!(status(&ebpf, Backend::Ebpf), Status::Ok);
        assert_eq!(status(&ebpf, Backend::Auto), Status::Ok);
        assert_eq!(status(&ebpf, Backend::Pcap), Status::Failed);
        assert_eq!(status(&[SYS_ADMIN, NET_ADMIN], Backend::Ebpf), Status::Ok);
        assert_eq!(status(&[BPF, NET_RAW], Backend::Ebpf), Status::Failed);
        assert_eq!(status(&[NET_RAW], Backend::Auto), Status::Warning);
        assert_eq!(status(&[NET_RAW], Backend::Pcap), Status::Ok);
        assert_eq!(status(&[], Backend::Auto), Status::Failed);
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let check = check(&Capabilities::of_mask(1 << NET_ADMIN), Backend::Ebpf);
        assert_eq!(check.found, "CAP_BPF missing (there: CAP_NET_ADMIN)");
        assert!(check.remedy.unwrap().contains("AmbientCapabilities=CAP_BPF "));
    }

    #[test]
    fn a_user_namespace_s_capabilities_are_no_use_for_bpf() {
        let confined = Capabilities { mask: u64::MAX, confined: true };
        assert_eq!(check(&confined, Backend::Ebpf).status, Status::Failed);
        assert_eq!(check(&confined, Backend::Auto).status, Status::Warning);
        assert_eq!(check(&confined, Backend::Pcap).status, Status::Ok);
    }
}
