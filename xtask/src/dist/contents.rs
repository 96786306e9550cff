//! What a package installs, and where: one table for both families of packages.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use super::release::{Release, SBOM, THIRD_PARTY, anew};
use crate::workspace;

/// The two families differ in a few places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    RedHat,
}

/// What a file is to the package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Program,
    Data,
    /// The administrator's: an upgrade leaves it as it is.
    Configuration,
    Documentation,
    Licence,
}

/// One installed file.
pub(super) struct Entry {
    from: PathBuf,
    /// Path below the root, without a leading slash.
    pub(super) to: String,
    pub(super) kind: Kind,
}

/// Everything that a package of this family installs.
pub(super) fn entries(release: &Release, family: Family) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut add = |from: PathBuf, to: &str, kind| {
        entries.push(Entry { from, to: to.to_owned(), kind });
    };
    let tree = |path: &str| workspace::root().join(path);
    let generated = |path: &str| release.generated().join(path);

    add(release.agent.clone(), "usr/bin/ja4sentinel", Kind::Program);
    let unit = "usr/lib/systemd/system/ja4sentinel.service";
    add(tree("deploy/systemd/ja4sentinel.service"), unit, Kind::Data);
    add(tree("deploy/systemd/sysusers.conf"), "usr/lib/sysusers.d/ja4sentinel.conf", Kind::Data);
    let configuration = "etc/ja4sentinel/ja4sentinel.yml";
    add(release.configuration.clone(), configuration, Kind::Configuration);
    add(tree("deploy/packages/logrotate"), "etc/logrotate.d/ja4sentinel", Kind::Configuration);
    let schema = "ja4sentinel.schema.json";
    add(tree("deploy/config").join(schema), &format!("usr/share/ja4sentinel/{schema}"), Kind::Data);

    for page in release.generated_in("man")? {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        add(page, &format!("usr/share/man/man1/{name}.gz"), Kind::Documentation);
    }
    let bash = "usr/share/bash-completion/completions/ja4sentinel";
    add(generated("completions/ja4sentinel.bash"), bash, Kind::Data);
    let fish = "usr/share/fish/vendor_completions.d/ja4sentinel.fish";
    add(generated("completions/ja4sentinel.fish"), fish, Kind::Data);
    let zsh = match family {
        Family::Debian => "usr/share/zsh/vendor-completions/_ja4sentinel",
        Family::RedHat => "usr/share/zsh/site-functions/_ja4sentinel",
    };
    add(generated("completions/_ja4sentinel"), zsh, Kind::Data);

    let doc = |name: &str| format!("usr/share/doc/ja4sentinel/{name}");
    add(tree("README.md"), &doc("README.md"), Kind::Documentation);
    add(generated(SBOM), &doc(SBOM), Kind::Documentation);
    match family {
        Family::Debian => {
            add(tree("NOTICE"), &doc("NOTICE"), Kind::Documentation);
            add(tree("CHANGELOG.md"), &doc("changelog.gz"), Kind::Documentation);
            add(generated(THIRD_PARTY), &doc(&format!("{THIRD_PARTY}.gz")), Kind::Documentation);
        }
        Family::RedHat => {
            add(tree("CHANGELOG.md"), &doc("CHANGELOG.md"), Kind::Documentation);
            for name in ["LICENSE-APACHE", "LICENSE-MIT", "NOTICE"] {
                add(tree(name), &format!("usr/share/licenses/ja4sentinel/{name}"), Kind::Licence);
            }
            let notices = format!("usr/share/licenses/ja4sentinel/{THIRD_PARTY}");
            add(generated(THIRD_PARTY), &notices, Kind::Licence);
        }
    }
    Ok(entries)
}

/// Copies everything below `root`, a new folder. What is to end in `.gz` is compressed.
pub(super) fn stage(entries: &[Entry], root: &Path) -> Result<()> {
    anew(root)?;
    for entry in entries {
        let bytes = std::fs::read(&entry.from)
            .with_context(|| format!("cannot read {}", entry.from.display()))?;
        let bytes = if entry.to.ends_with(".gz") { compressed(&bytes)? } else { bytes };
        let mode = if entry.kind == Kind::Program { 0o755 } else { 0o644 };
        write(root, &entry.to, &bytes, mode)?;
    }
    Ok(())
}

/// Writes one file below `root`, and the folders that it needs, whatever the umask is.
pub(super) fn write(root: &Path, to: &str, bytes: &[u8], mode: u32) -> Result<()> {
    let path = root.join(to);
    let mut folder = root.to_owned();
    let parents = Path::new(to).parent().into_iter().flat_map(Path::components);
    for part in parents {
        folder.push(part);
        std::fs::create_dir_all(&folder)?;
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    }
    std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    std::fs::set_permissions(&path, Permissions::from_mode(mode))?;
    Ok(())
}

/// gzip without a name and a time, so that the same bytes give the same file.
pub(super) fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}
