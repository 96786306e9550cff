//! A complete set of tools that compiles the kernel program: Rust, the sources of `core`,
//! bpf-linker.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::manifest::Tools;
use super::rust::Rust;
use crate::remap::Remap;
use crate::{process, workspace};

/// The built-in target of little-endian BPF.
const TARGET: &str = "bpfel-unknown-none";

/// The compiler's flags, apart from paths. BTF is made of the debug information; aya-ebpf asks for
/// the kernel's architecture by `bpf_target_arch`.
pub(crate) const FLAGS: [&str; 3] =
    ["-Cdebuginfo=2", "-Clink-arg=--btf", "--cfg=bpf_target_arch=\"x86_64\""];

/// The profile, stated here so that the workspace's own profile never changes the object.
pub(crate) const PROFILE: [&str; 5] = [
    "profile.release.opt-level=3",
    "profile.release.lto=false",
    "profile.release.codegen-units=1",
    "profile.release.debug=2",
    "profile.release.strip=false",
];

/// The tools, all there.
pub(crate) struct Toolchain {
    rust: Rust,
    /// Where the standard library's sources lie.
    sources: PathBuf,
    linker: PathBuf,
    pub(crate) tools: Tools,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}; {})", self.rust.name(), self.tools, self.linker.display())
    }
}

impl Toolchain {
    /// The first complete set; the error says what each lacks, and how to get it.
    pub(crate) fn find() -> Result<Self> {
        let mut lacks = Vec::new();
        for rust in Rust::ALL {
            match Self::inspect(rust) {
                Ok(found) => return Ok(found),
                Err(lacking) => lacks.push(format!("{} lacks\n{lacking}", rust.name())),
            }
        }
        bail!("nothing here can compile the kernel program:\n{}", lacks.join("\n"))
    }

    fn inspect(rust: Rust) -> Result<Self, String> {
        let mut lacks = Vec::new();
        let mut lack = |what: &str, remedy: &str| lacks.push(format!("  - {what} ({remedy})"));

        let version = rust.version();
        match &version {
            Err(_) => lack("a compiler", rust.remedy()),
            Ok(found) if !found.is_new_enough() => {
                let wanted = env!("CARGO_PKG_RUST_VERSION");
                lack(
                    &format!("a newer compiler: {wanted} is needed, it has {}", found.line),
                    rust.remedy(),
                );
            }
            Ok(_) => {}
        }
        let sources = rust.sources();
        if version.is_ok() && sources.is_none() {
            lack("the sources of core", rust.remedy());
        }
        if version.is_ok() && process::output(rust.command("cargo").arg("--version")).is_err() {
            lack("cargo", rust.remedy());
        }
        let linker = Linker::find();
        if linker.is_none() {
            let llvm = version.as_ref().map_or("22", |found| found.llvm_major());
            lack("bpf-linker", &Linker::remedy(llvm));
        }
        match (version, sources, linker) {
            (Ok(version), Some(sources), Some(linker)) if lacks.is_empty() => Ok(Self {
                rust,
                sources,
                linker: linker.path,
                tools: Tools {
                    rustc: version.line,
                    llvm: version.llvm,
                    bpf_linker: linker.version,
                },
            }),
            _ => Err(lacks.join("\n")),
        }
    }

    /// Compiles the kernel program and returns the linker's output.
    pub(crate) fn compile(&self) -> Result<Vec<u8>> {
        let folder = workspace::target().join("ebpf");
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("-Clinker={}", self.linker.display()));
        flags.extend(self.remap()?.flags());
        let mut cargo = self.rust.command("cargo");
        cargo.env("CARGO_TARGET_DIR", &folder).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo.args(["build", "--locked", "--release", "--package", "ja4sentinel-ebpf"]);
        cargo.args(["-Zbuild-std=core", "--target", TARGET]);
        for setting in PROFILE {
            cargo.args(["--config", setting]);
        }
        process::run(&mut cargo)?;
        let object = folder.join(TARGET).join("release/ja4sentinel-ebpf");
        std::fs::read(&object).with_context(|| format!("cannot read {}", object.display()))
    }

    /// The folders of this machine that must not be named in the object.
    pub(crate) fn remap(&self) -> Result<Remap> {
        let remap = Remap::new()?.and(self.sources.clone(), "/rust");
        // Debian links the sources' folder to another place, and rustc names both.
        Ok(match self.sources.canonicalize() {
            Ok(real) => remap.and(real, "/rust"),
            Err(_) => remap,
        })
    }
}

/// bpf-linker, wherever it is.
pub(crate) struct Linker {
    path: PathBuf,
    version: String,
}

impl Linker {
    /// The version that `--install` builds: the first with the LLVM of current compilers.
    pub(crate) const VERSION: &str = "0.13.0";

    /// Looks below cargo's target folder, then in the PATH, then where cargo installs programs.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(workspace::tools().join("bin"))
            .chain(std::env::split_paths(&path))
            .chain(std::env::home_dir().map(|home| home.join(".cargo/bin")));
        folders.map(|folder| folder.join("bpf-linker")).find_map(Self::at)
    }

    fn at(path: PathBuf) -> Option<Self> {
        let said = process::output(Command::new(&path).arg("--version")).ok()?;
        Some(Self { path, version: said.trim().to_owned() })
    }

    /// How to build it for a compiler with this major version of LLVM.
    fn remedy(llvm: &str) -> String {
        let command = process::line(&Self::install_command(llvm));
        format!("LLVM {llvm} with its headers, on Debian llvm-{llvm}-dev, then: {command}")
    }

    /// Builds it below cargo's target folder, with the LLVM where Debian puts it.
    pub(crate) fn install_command(llvm: &str) -> Command {
        let mut command = Command::new("env");
        command.arg(format!("LLVM_PREFIX=/usr/lib/llvm-{llvm}"));
        command.args(["cargo", "install", "bpf-linker", "--version", Self::VERSION, "--locked"]);
        command.args(["--no-default-features", "--features", &format!("llvm-{llvm}")]);
        command.arg("--root").arg(workspace::tools());
        command
    }
}
