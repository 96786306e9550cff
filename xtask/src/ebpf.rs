//! `cargo xtask ebpf`: the compiled kernel program, which is committed inside the agent crate so
//! that a stable toolchain alone builds the agent.

pub(crate) mod completion;
mod lock;
mod manifest;
mod object;
mod rust;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use manifest::{Inputs, Manifest};
pub(crate) use toolchain::Toolchain;

use crate::setup::{self, Purpose};
use crate::workspace;

/// The committed object's folder, below the root.
const HOME: &str = "ja4sentinel/ebpf";
const OBJECT: &str = "ja4sentinel.bpf.o";
const MANIFEST: &str = "manifest.json";

#[derive(Subcommand)]
pub(crate) enum Ebpf {
    /// Compile the kernel program and write object and manifest
    Build {
        /// Folder to write to, instead of the place of the committed object
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Install what is missing without asking
        #[arg(long)]
        yes: bool,
    },
    /// Fail when the committed object is older than its sources
    Check,
}

/// Runs one of the commands.
pub(crate) fn run(command: &Ebpf) -> Result<()> {
    match command {
        Ebpf::Build { out, yes } => build(out.as_deref(), *yes),
        Ebpf::Check => check(),
    }
}

fn build(out: Option<&Path>, yes: bool) -> Result<()> {
    let toolchain = match Toolchain::find() {
        Ok(found) => found,
        Err(lacks) => {
            eprintln!("{lacks:#}");
            setup::ensure(Purpose::Ebpf, yes)?;
            Toolchain::find()?
        }
    };
    println!("eBPF toolchain: {toolchain}");
    let inputs = Inputs::of_tree()?;
    let object = object::strip(&toolchain.compile()?)?;
    toolchain.remap()?.check(&object)?;
    let built = Manifest::new(&object, inputs, toolchain.tools);

    let committed = Manifest::read(&workspace::root().join(HOME).join(MANIFEST)).ok();
    let folder = out.map_or_else(|| workspace::root().join(HOME), PathBuf::from);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join(OBJECT), &object))
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    built.write(&folder.join(MANIFEST))?;
    println!("wrote {} ({} bytes)", folder.join(OBJECT).display(), object.len());

    if let Some(committed) = committed {
        println!("{}", compare(&committed, &built)?);
    }
    Ok(())
}

/// Says how a new object relates to the committed one. The same inputs must give the same object.
fn compare(committed: &Manifest, built: &Manifest) -> Result<String> {
    Ok(if committed.object_sha256 == built.object_sha256 {
        "identical to the committed object".to_owned()
    } else if committed.inputs != built.inputs {
        "the committed object was made of other sources".to_owned()
    } else if committed.tools != built.tools {
        format!("differs from the committed object, which other tools made: {}", committed.tools)
    } else {
        bail!("the same sources and tools gave another object than the committed one")
    })
}

fn check() -> Result<()> {
    let home = workspace::root().join(HOME);
    let manifest = Manifest::read(&home.join(MANIFEST))?;
    let object = std::fs::read(home.join(OBJECT))
        .with_context(|| format!("cannot read {HOME}/{OBJECT}: run `cargo xtask ebpf build`"))?;
    let mut stale = manifest.inputs.differences(&Inputs::of_tree()?);
    if manifest.object_sha256 != manifest::sha256(&object) {
        stale.push(format!("{HOME}/{OBJECT} is not the object that {MANIFEST} describes"));
    }
    if !stale.is_empty() {
        for line in &stale {
            eprintln!("{line}");
        }
        bail!("the committed eBPF object is stale: run `cargo xtask ebpf build` and commit {HOME}");
    }
    println!("{HOME}/{OBJECT} is up to date ({})", manifest.tools);
    Ok(())
}
