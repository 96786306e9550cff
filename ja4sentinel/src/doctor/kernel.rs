//! The kernel: its age, its type information, its limit of locked memory.

use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::capabilities::{Capabilities, SYS_RESOURCE};
use super::{Check, Status};
use crate::capture::Release;
use crate::config::Backend;

/// The first version with a ring buffer for eBPF programs.
const OLDEST: (u32, u32) = (5, 8);
/// Since this version TC programs are attached by TCX links.
const TCX: (u32, u32) = (6, 6);
/// Since this version maps count as memory of the control group, not as locked memory.
const MAPS_NOT_LOCKED: (u32, u32) = (5, 11);
/// Ring buffer and tables by default, with room to spare.
const LOCKED: u64 = 128 << 20;

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Whether it is new enough for what is wanted.
pub(super) fn version(release: &Release, wanted: Backend) -> Check {
    const NAME: &str = "kernel";
    let (major, minor) = OLDEST;
    match (release.version(), wanted) {
        (_, Backend::Pcap) => Check::ok(NAME, format!("{release}: any does for libpcap")),
        (None, _) => Check::warning(
            NAME,
            release.to_string(),
            format!("make sure that it is {major}.{minor} or later"),
        ),
        (Some(version), _) if version >= TCX => {
            Check::ok(NAME, format!("{release}: the program is attached by TCX links"))
        }
        (Some(version), _) if version >= OLDEST => {
            Check::ok(NAME, format!("{release}: the program is attached as a clsact filter"))
        }
        (Some(_), wanted) => Check::bad(
            NAME,
            needed(wanted),
            format!("{release} is too old for the eBPF backend"),
            format!("use Linux {major}.{minor} or later, or core.backend: pcap"),
        ),
    }
}

/// How bad it is when eBPF cannot be used.
pub(super) fn needed(wanted: Backend) -> Status {
    if wanted == Backend::Ebpf { Status::Failed } else { Status::Warning }
}

/// Type information of the kernel. The program relocates nothing by it.
pub(super) fn btf() -> Check {
    let found = match Path::new(BTF).exists() {
        true => format!("{BTF} is there"),
        false => format!("there is no {BTF}; the program does without"),
    };
    Check::ok("btf", found)
}

/// Whether maps as large as ours may be made.
pub(super) fn memlock(release: &Release, capabilities: &Capabilities, wanted: Backend) -> Check {
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(RLIM_INFINITY, |(soft, _)| soft);
    judge_memlock(limit, release, capabilities, wanted)
}

fn judge_memlock(
    limit: u64,
    release: &Release,
    capabilities: &Capabilities,
    wanted: Backend,
) -> Check {
    const NAME: &str = "memlock";
    if wanted == Backend::Pcap {
        return Check::ok(NAME, "libpcap locks no memory");
    }
    if release.version().is_some_and(|version| version >= MAPS_NOT_LOCKED) {
        return Check::ok(NAME, "this kernel counts maps by control group, not as locked memory");
    }
    if limit == RLIM_INFINITY {
        Check::ok(NAME, "unlimited")
    } else if capabilities.have(SYS_RESOURCE) {
        Check::ok(NAME, "the agent may raise the limit, and does")
    } else if limit >= LOCKED {
        Check::ok(NAME, format!("{} MiB", limit >> 20))
    } else {
        let found = format!("{} KiB of locked memory are too little for the tables", limit >> 10);
        let remedy = "set LimitMEMLOCK=infinity in the unit, or `ulimit -l unlimited`";
        Check::bad(NAME, needed(wanted), found, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        Release::new(text)
    }

    #[test]
    fn versions_are_compared_by_number() {
        let status = |text: &str, wanted| version(&release(text), wanted).status;
        for wanted in [Backend::Auto, Backend::Ebpf, Backend::Pcap] {
            for text in ["5.8.0", "5.10.0-30-amd64", "6.1.0", "6.18.5+", "10.0"] {
                assert_eq!(status(text, wanted), Status::Ok, "{text}");
            }
        }
        assert_eq!(status("5.7.19", Backend::Ebpf), Status::Failed);
        assert_eq!(status("4.18.0-553.el8", Backend::Auto), Status::Warning);
        assert_eq!(status("4.18.0-553.el8", Backend::Pcap), Status::Ok);
        assert_eq!(status("", Backend::Ebpf), Status::Warning);
        assert!(version(&release("5.15.1"), Backend::Auto).found.contains("clsact"));
        assert!(version(&Release::of_this_host(), Backend::Auto).found.contains("Linux "));
    }

    #[test]
    fn locked_memory_matters_on_old_kernels_only() {
        let none = Capabilities::default();
        let judge =
            |limit, text: &str, wanted| judge_memlock(limit, &release(text), &none, wanted).status;
        assert_eq!(judge(65536, "5.10.0", Backend::Ebpf), Status::Failed);
        assert_eq!(judge(65536, "5.10.0", Backend::Auto), Status::Warning);
        assert_eq!(judge(65536, "5.10.0", Backend::Pcap), Status::Ok);
        assert_eq!(judge(65536, "5.11.0", Backend::Ebpf), Status::Ok);
        assert_eq!(judge(RLIM_INFINITY, "5.10.0", Backend::Ebpf), Status::Ok);
        let may_raise = Capabilities::of_mask(1 << SYS_RESOURCE);
        let check = judge_memlock(65536, &release("5.10.0"), &may_raise, Backend::Ebpf);
        assert_eq!(check.status, Status::Ok);
    }
}
