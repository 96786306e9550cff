//! What the commands need, and how to see whether it is there.

mod bench;
mod table;

use std::path::Path;
use std::process::Command;

use ja4sentinel_tests::process::find_program;
use ja4sentinel_tests::tshark::Tshark;

use super::Purpose;
use super::chroot::Chroot;
use super::packages::Names;
use super::python::Tool;
use crate::architecture::Architecture;
use crate::deny;
use crate::differential::Suricata;
use crate::ebpf::Toolchain;
use crate::process;
use crate::static_build::library;

/// One thing that a command needs or can use.
pub(super) struct Need {
    /// What it is called in messages.
    pub(super) name: &'static str,
    /// What for.
    pub(super) why: &'static str,
    /// The purposes that use it, and those that include one of them.
    from: &'static [Purpose],
    /// The same of those that cannot do without it. Continuous integration cannot do without any.
    required: &'static [Purpose],
    present: Presence,
    /// Where it comes from.
    pub(super) source: Source,
}

/// How to see whether a thing is there.
enum Presence {
    /// One of these programs.
    Program(&'static [&'static str]),
    /// A library that the C compiler's linker finds.
    Library(&'static str),
    /// tshark with JA4.
    Tshark,
    /// Suricata with JA4.
    Suricata,
    /// A file at this path.
    File(&'static str),
    /// Another Debian in a folder.
    Chroot(&'static Chroot),
    /// A module of Python's.
    Module(&'static str),
    /// A program from the Python package index.
    Python(&'static Tool),
    /// All that compiles the kernel program.
    EbpfToolchain,
    /// Rust's standard library for this processor.
    RustLibrary(Architecture),
    /// cargo-deny.
    Deny,
}

/// Where a thing comes from.
pub(super) enum Source {
    /// Nowhere: an empty file of this name will do.
    EmptyFile(&'static str),
    /// The system's package manager.
    Packages(Names),
    /// The package manager where this release's is new enough, else a chroot of a later Debian.
    Later(Names),
    /// debootstrap.
    Chroot(&'static Chroot),
    /// pip.
    Python(&'static Tool),
    /// A compiler from the package manager, and a linker that cargo builds.
    EbpfToolchain,
    /// rustup; where it cannot, a compiler from the package manager.
    RustLibrary(Architecture),
    /// cargo builds it.
    Cargo(fn() -> Command),
}

impl Need {
    /// What `purpose` uses and this machine lacks.
    pub(super) fn missing(purpose: Purpose) -> Vec<&'static Self> {
        let all = [table::NEEDS, bench::NEEDS].into_iter().flatten();
        let used = all.filter(|need| purpose.includes_any(need.from));
        used.filter(|need| !need.present.holds()).collect()
    }

    /// Whether `purpose` cannot do without.
    pub(super) fn is_required(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Ci || purpose.includes_any(self.required)
    }
}

impl Presence {
    fn holds(&self) -> bool {
        match self {
            Self::Program(names) => names.iter().any(|name| find_program(name).is_some()),
            Self::Library(file) => {
                // The compiler echoes a name that it does not find.
                let mut compiler = Command::new("cc");
                process::output(compiler.arg(format!("-print-file-name={file}")))
                    .is_ok_and(|path| path.trim() != *file)
            }
            Self::Tshark => Tshark::find().is_some(),
            Self::Suricata => Suricata::find().is_some(),
            Self::File(path) => Path::new(path).exists(),
            Self::Chroot(chroot) => chroot.exists(),
            Self::Module(name) => {
                let mut python = Command::new("python3");
                process::output(python.args(["-c", &format!("import {name}")])).is_ok()
            }
            Self::Python(tool) => tool.exists(),
            Self::EbpfToolchain => Toolchain::find().is_ok(),
            Self::RustLibrary(architecture) => library::is_there(*architecture),
            Self::Deny => deny::find().is_some(),
        }
    }
}
