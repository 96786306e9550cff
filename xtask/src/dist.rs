//! `cargo xtask dist`: the release as users download it.

mod notices;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::remap::Remap;
use crate::setup::{self, Purpose};
use crate::{process, static_build, workspace};

/// What lies beside the program in the archive, below the root.
const DOCUMENTS: [&str; 5] =
    ["LICENSE-APACHE", "LICENSE-MIT", "NOTICE", "README.md", "CHANGELOG.md"];

/// The licences of everything that is linked in.
const THIRD_PARTY: &str = "THIRD-PARTY.txt";

/// A capture for a last try, below the root, and a table with a line a hello in it.
const CAPTURE: &str = "tests/golden/synthetic/synthetic.pcap";
const HELLOS: &str = "tests/golden/synthetic/expected.tsv";

/// Arguments of `cargo xtask dist`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

/// Builds the static program, proves that it needs nothing, and packs it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Purpose::Dist, arguments.yes)?;
    let agent = static_build::release_agent()?;
    let bytes = std::fs::read(&agent)?;
    Remap::new()?.check(&bytes)?;
    static_build::needs_no_library(&bytes)?;

    let name = format!("ja4sentinel-{}-x86_64-linux", env!("CARGO_PKG_VERSION"));
    let dist = workspace::target().join("dist");
    runs_in_an_empty_root(&agent, &dist.join("root"))?;

    let folder = dist.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    copy(&agent, &folder.join("ja4sentinel"))?;
    for document in DOCUMENTS {
        copy(&workspace::root().join(document), &folder.join(document))?;
    }
    std::fs::write(folder.join(THIRD_PARTY), notices::collect(static_build::TARGET)?)?;

    let archive = pack(&dist, &name)?;
    println!("wrote {} ({} bytes)", archive.display(), std::fs::metadata(&archive)?.len());
    let sums = process::output(
        Command::new("sha256sum").current_dir(&dist).arg(archive.file_name().unwrap_or_default()),
    )?;
    std::fs::write(dist.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    Ok(())
}

/// Reads a capture in a root folder that holds that and the program, nothing else.
fn runs_in_an_empty_root(program: &Path, root: &Path) -> Result<()> {
    if root.exists() {
        std::fs::remove_dir_all(root)?;
    }
    std::fs::create_dir_all(root)?;
    copy(program, &root.join("ja4sentinel"))?;
    copy(&workspace::root().join(CAPTURE), &root.join("capture"))?;
    let mut chroot = process::as_root("chroot")?;
    chroot.arg(root).args(["/ja4sentinel", "read", "/capture"]);
    let records = process::output(&mut chroot)?.lines().count();
    let truth = std::fs::read_to_string(workspace::root().join(HELLOS))?;
    let expected = truth.lines().skip(1).count();
    ensure!(records == expected, "{records} records in an empty root, {expected} elsewhere");
    Ok(())
}

/// Packs the folder `name` of `dist`. The same files give the same archive: their time is that of
/// the commit, their order is fixed, and nobody owns them.
fn pack(dist: &Path, name: &str) -> Result<PathBuf> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).args(["log", "-1", "--format=%ct"]);
    let time = process::output(&mut git)?;
    let archive = dist.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.current_dir(dist).args(["--create", "--sort=name", "--owner=0", "--group=0"]);
    tar.args(["--numeric-owner", "--mode=u=rwX,go=rX", "--format=ustar"]);
    tar.arg(format!("--mtime=@{}", time.trim()));
    // Without -n, gzip would write the present time into the archive.
    tar.arg("--use-compress-program=gzip -9 -n").arg("--file").arg(&archive).arg(name);
    process::run(&mut tar)?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).map(drop).with_context(|| format!("cannot copy {}", from.display()))
}
