//! What can go wrong, and what to do then.

use std::sync::Arc;
use std::{fmt, io};

use aya::maps::MapError;
use aya::programs::ProgramError;
use aya::programs::tc::TcError;
use thiserror::Error;

/// Why the eBPF backend cannot do what it was asked for. The message names the cause and ends with the
/// remedy, so there is no source to print behind it.
#[derive(Debug, Error)]
pub enum EbpfError {
    /// The privilege is missing.
    #[error(
        "the kernel does not permit it ({0}): run as root, or give the process CAP_BPF, \
         CAP_NET_ADMIN and CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8), and before Linux 5.11 \
         enough locked memory (`ulimit -l unlimited`); in a container, seccomp and the runtime must \
         allow bpf() as well. `--backend pcap` does without"
    )]
    NotPermitted(Cause),
    /// There is no such system call, or a filter of system calls says so.
    #[error(
        "bpf() is not to be had ({0}): this kernel was built without it, or seccomp keeps it away; in \
         a container or a service allow it. `--backend pcap` does without"
    )]
    NoSystemCall(Cause),
    /// The kernel does not know something that the program needs.
    #[error(
        "this kernel ({release}) does not take the program ({cause}): Linux 5.8 or later is \
         needed, and on older ones CAP_PERFMON as well. `--backend pcap` does without"
    )]
    Kernel {
        /// As `uname -r` prints it.
        release: String,
        /// What it said.
        cause: Cause,
    },
    /// Memory for the tables is not to be had.
    #[error(
        "no memory for the kernel's tables ({0}): make the ring buffer or the tables smaller, or \
         raise the limit of locked memory (`ulimit -l unlimited`) or of the control group"
    )]
    NoMemory(Cause),
    /// There is no interface of this name, or no longer.
    #[error("there is no interface {0}: `ip link` lists those that there are")]
    NoInterface(Arc<str>),
    /// The interface's frames have a form that the program does not read.
    #[error(
        "the frames of interface {name} begin with a link header that the program does not read \
         (ARPHRD type {kind}): watch it by `--backend pcap`"
    )]
    LinkType {
        /// Its name.
        name: Arc<str>,
        /// Its type, by the numbers of `linux/if_arp.h`.
        kind: u16,
    },
    /// This kernel puts more before a tunnel's packets than the program can skip.
    #[error(
        "this kernel shows the packets of tunnel {0} behind their outer headers, where the program does \
         not find them: use Linux 5.14 or later, or watch it by `--backend pcap`"
    )]
    OuterHeaders(Arc<str>),
    /// The program cannot be attached to an interface.
    #[error(
        "cannot attach to interface {name} ({cause}): `tc filter show dev {name} ingress` and \
         `tc qdisc show dev {name}` show what else is there"
    )]
    Attach {
        /// Its name.
        name: Arc<str>,
        /// What the kernel said.
        cause: Cause,
    },
    /// The embedded object lacks a part.
    #[error("the embedded eBPF object has no `{0}`: it was not built from this agent's sources")]
    Object(&'static str),
    /// Something else that the kernel or the loader said.
    #[error("the eBPF backend failed: {0}")]
    Other(Cause),
}

/// An error from below; it prints with its own causes, in one line.
#[derive(Debug)]
pub struct Cause(Box<dyn std::error::Error + Send + Sync>);

impl Cause {
    /// The verifier's log of a refused program goes over many pages; its end says why.
    const LONGEST: usize = 1000;
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = self.0.source();
        while let Some(error) = next {
            let words = error.to_string();
            if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            next = error.source();
        }
        let mut start = text.len().saturating_sub(Self::LONGEST);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let (cut, shown) = if start == 0 { ("", &*text) } else { ("… ", text.split_at(start).1) };
        write!(f, "{cut}{}", shown.trim_end().replace('\n', "; "))
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl From<aya::EbpfError> for EbpfError {
    fn from(error: aya::EbpfError) -> Self {
        Self::of(Cause(Box::new(error)))
    }
}

impl From<MapError> for EbpfError {
    fn from(error: MapError) -> Self {
        Self::of(Cause(Box::new(error)))
    }
}

impl From<ProgramError> for EbpfError {
    fn from(error: ProgramError) -> Self {
        Self::of(Cause(Box::new(error)))
    }
}

impl From<TcError> for EbpfError {
    fn from(error: TcError) -> Self {
        Self::of(Cause(Box::new(error)))
    }
}

impl From<aya_log::Error> for EbpfError {
    fn from(error: aya_log::Error) -> Self {
        Self::of(Cause(Box::new(error)))
    }
}

impl EbpfError {
    /// Sorts a failure by the system error at its root.
    fn of(cause: Cause) -> Self {
        if is_verifier(&*cause.0) {
            return Self::Kernel { release: release(), cause };
        }
        match os_error(&*cause.0) {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted(cause),
            Some(libc::ENOMEM | libc::E2BIG) => Self::NoMemory(cause),
            Some(libc::ENOSYS) => Self::NoSystemCall(cause),
            Some(libc::EINVAL | libc::EOPNOTSUPP) => Self::Kernel { release: release(), cause },
            _ => Self::Other(cause),
        }
    }

    /// A failure of the system that needs no sorting.
    pub(super) fn system(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Other(Cause(Box::new(error)))
    }

    /// The same for an interface, which may also have gone away meanwhile.
    pub(super) fn attaching(name: &Arc<str>, error: ProgramError) -> Self {
        let cause = Cause(Box::new(error));
        match os_error(&*cause.0) {
            Some(libc::ENODEV | libc::ENXIO) => Self::NoInterface(Arc::clone(name)),
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted(cause),
            _ => Self::Attach { name: Arc::clone(name), cause },
        }
    }
}

/// The number of the system error at the root of a chain.
pub(super) fn os_error(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let own = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
    own.or_else(|| error.source().and_then(os_error))
}

/// Whether the verifier rejected the program. It says so by the numbers that a missing privilege or
/// too large a table have as well.
/// What it forbids "for !root" is such a privilege, CAP_PERFMON.
fn is_verifier(error: &(dyn std::error::Error + 'static)) -> bool {
    let rejected = error.downcast_ref().is_some_and(|error| match error {
        ProgramError::LoadError { verifier_log, .. } => {
            let log = verifier_log.to_string();
            !log.is_empty() && !log.contains("for !root")
        }
        _ => false,
    });
    rejected || error.source().is_some_and(is_verifier)
}

fn release() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    release.trim().to_owned()
}
