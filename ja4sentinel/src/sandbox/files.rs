//! The file system by Landlock: closed but for what is listed.

use std::fmt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};

use super::{Mode, SandboxError};

/// The rights that are taken away where they are not given; newer kernels know them all, older ones
/// the first of them.
const RIGHTS: ABI = ABI::V5;
/// Neither signals to other programs nor abstract sockets of theirs: since this version.
const SCOPES: ABI = ABI::V6;

/// What of the file system stays open. Folders are meant with all that is below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Folders in which files are made, written, read, renamed and removed.
    pub written: Vec<PathBuf>,
    /// Files and devices that are written, and whose folder is not ours.
    pub appended: Vec<PathBuf>,
    /// Folders in which sockets are made and removed.
    pub sockets: Vec<PathBuf>,
    /// Folders in which an empty folder is removed.
    pub emptied: Vec<PathBuf>,
    /// Files and folders that are read.
    pub read: Vec<PathBuf>,
}

/// Whether the file system is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landlock {
    /// With every right that this program knows of.
    Full,
    /// With those that this kernel knows.
    Partial,
    /// Not: this kernel has none, or did not start it.
    Absent,
    /// Not: so it is configured.
    Off,
}

/// Rules that are not in force yet.
#[derive(Debug)]
pub(super) enum Rules {
    None(Landlock),
    Some(RulesetCreated),
}

impl Files {
    /// Those that are no longer there to be opened, and which nothing therefore is given of.
    #[must_use]
    pub fn missing(&self) -> Vec<&Path> {
        let written = self.written.iter().chain(&self.appended).chain(&self.sockets);
        written.filter(|path| !path.exists()).map(PathBuf::as_path).collect()
    }

    /// What of `wanted` lies outside of these, which are given.
    #[must_use]
    pub fn lack<'a>(&self, wanted: &'a Self) -> Vec<&'a Path> {
        let appended: Vec<PathBuf> = self.appended.iter().chain(&self.written).cloned().collect();
        let read: Vec<PathBuf> = self.read.iter().chain(&self.written).cloned().collect();
        let outside = |given: &[PathBuf], wanted: &'a [PathBuf]| -> Vec<&'a Path> {
            let given: Vec<PathBuf> = given.iter().map(|path| real(path)).collect();
            let within = |path: &Path| given.iter().any(|given| real(path).starts_with(given));
            wanted.iter().map(PathBuf::as_path).filter(|path| !within(path)).collect()
        };
        let mut lacking = outside(&self.written, &wanted.written);
        lacking.extend(outside(&appended, &wanted.appended));
        lacking.extend(outside(&self.sockets, &wanted.sockets));
        // What is not there cannot be read anyway.
        lacking.extend(outside(&read, &wanted.read).into_iter().filter(|path| path.exists()));
        lacking
    }
}

/// Where a path really leads, as far as it does.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

pub(super) fn prepare(mode: Mode, files: &Files) -> Result<Rules, SandboxError> {
    let level = match mode {
        Mode::Off => return Ok(Rules::None(Landlock::Off)),
        Mode::On | Mode::Auto => CompatLevel::BestEffort,
    };
    let mut rules = Ruleset::default()
        .set_compatibility(level)
        .handle_access(AccessFs::from_all(RIGHTS))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        .no_new_privs(false);
    let written = make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile | IoctlDev
    });
    let appended = make_bitflags!(AccessFs::{ ReadFile | WriteFile | Truncate | IoctlDev });
    let sockets = make_bitflags!(AccessFs::{ MakeSock | RemoveFile });
    let read = make_bitflags!(AccessFs::{ ReadFile | ReadDir });
    for (paths, rights) in [
        (&files.written, written),
        (&files.appended, appended),
        (&files.sockets, sockets),
        (&files.emptied, AccessFs::RemoveDir.into()),
        (&files.read, read),
    ] {
        rules = add(rules, paths, rights)?;
    }
    Ok(Rules::Some(rules))
}

fn add(
    mut rules: RulesetCreated,
    paths: &[PathBuf],
    rights: BitFlags<AccessFs>,
) -> Result<RulesetCreated, SandboxError> {
    for path in paths {
        // What is not there needs no rule.
        let Ok(descriptor) = PathFd::new(path) else { continue };
        let rights = if path.is_dir() { rights } else { rights & AccessFs::from_file(RIGHTS) };
        rules = rules.add_rule(PathBeneath::new(descriptor, rights))?;
    }
    Ok(rules)
}

pub(super) fn enforce(mode: Mode, rules: Rules) -> Result<Landlock, SandboxError> {
    let rules = match rules {
        Rules::None(why) => return Ok(why),
        Rules::Some(rules) => rules,
    };
    let status = rules.restrict_self()?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, _) => Ok(Landlock::Full),
        (RulesetStatus::PartiallyEnforced, LandlockStatus::Available { .. }) => {
            Ok(Landlock::Partial)
        }
        _ if mode == Mode::On => Err(SandboxError::NoLandlock),
        _ => Ok(Landlock::Absent),
    }
}

impl Landlock {
    /// Whether anything outside of what is listed is refused.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Self::Full | Self::Partial)
    }
}

impl fmt::Display for Landlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "on",
            Self::Partial => "on (as far as this kernel knows it)",
            Self::Absent => "absent from this kernel",
            Self::Off => "off",
        })
    }
}
