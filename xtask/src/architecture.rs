//! Processors that static programs are built for, and that virtual machines emulate.

use clap::ValueEnum;

/// A processor, with little-endian bytes as the eBPF object has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// As in PCs and most servers
    #[value(name = "x86_64")]
    X86_64,
    /// 64-bit Arm
    Aarch64,
}

impl Architecture {
    /// The one that this program runs on.
    pub(crate) const HOST: Self =
        if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 };

    /// The compiler's target whose C library can be linked in. It is named even where it is the host's
    /// own, so that flags for it do not reach build scripts and procedural macros.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// As Debian names it.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// As GNU's configuration scripts name systems with it, which is how cross compilers are called.
    pub(crate) fn gnu(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-linux-gnu",
            Self::Aarch64 => "aarch64-linux-gnu",
        }
    }

    /// QEMU's program, and what machine it shall emulate.
    pub(crate) fn emulator(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::X86_64 => ("qemu-system-x86_64", &[]),
            Self::Aarch64 => ("qemu-system-aarch64", &["-machine", "virt", "-cpu", "cortex-a72"]),
        }
    }

    /// The kernel's name for the machine's first serial line.
    pub(crate) fn console(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0",
            Self::Aarch64 => "ttyAMA0",
        }
    }
}
