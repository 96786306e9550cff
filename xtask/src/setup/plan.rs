//! How to get what is missing on this system.

use std::process::Command;

use anyhow::Result;

use super::chroot::{self, Chroot};
use super::needs::{Need, Source};
use super::packages::Manager;
use super::python::Tool;
use crate::architecture::Architecture;
use crate::ebpf::completion;
use crate::process;
use crate::static_build::library;

/// What to do, in order.
pub(super) struct Plan {
    manager: Option<Manager>,
    packages: Vec<&'static str>,
    /// Empty files to make.
    files: Vec<&'static str>,
    chroots: Vec<&'static Chroot>,
    python: Vec<&'static Tool>,
    cargo: Vec<fn() -> Command>,
    libraries: Vec<Architecture>,
    /// Whether the eBPF toolchain is to be completed.
    toolchain: bool,
    by_hand: Vec<&'static str>,
}

impl Plan {
    pub(super) fn new(missing: &[&'static Need]) -> Self {
        let manager = Manager::of_this_system();
        let mut plan = Self {
            manager,
            packages: Vec::new(),
            files: Vec::new(),
            chroots: Vec::new(),
            python: Vec::new(),
            cargo: Vec::new(),
            libraries: Vec::new(),
            toolchain: false,
            by_hand: Vec::new(),
        };
        for need in missing {
            match (&need.source, manager) {
                (Source::EmptyFile(path), _) => plan.files.push(path),
                (Source::Packages(names), Some(manager)) => {
                    plan.packages.push(manager.name_in(names));
                }
                (Source::Later(_), Some(Manager::Apt)) if !chroot::host_is_new_enough() => {
                    if !plan.chroots.contains(&&chroot::LATER) {
                        plan.chroots.push(&chroot::LATER);
                    }
                }
                (Source::Later(names), Some(manager)) => {
                    plan.packages.push(manager.name_in(names));
                }
                (Source::Chroot(chroot), Some(Manager::Apt)) => plan.chroots.push(chroot),
                (Source::Chroot(_), _) => plan.by_hand.push(need.name),
                (Source::Python(tool), _) => plan.python.push(tool),
                (Source::Cargo(install), _) => plan.cargo.push(*install),
                (Source::RustLibrary(architecture), _) => plan.libraries.push(*architecture),
                (Source::EbpfToolchain, Some(Manager::Apt)) => plan.toolchain = true,
                (Source::EbpfToolchain, _) => plan.by_hand.push(need.name),
                (_, None) => plan.by_hand.push(need.name),
            }
        }
        if !plan.chroots.is_empty() {
            plan.packages.extend(chroot::missing_packages());
        }
        plan
    }

    /// The commands as a person would type them.
    pub(super) fn commands(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for path in &self.files {
            lines.push(process::line(&Self::touch(path)?));
        }
        if let Some(manager) = self.manager
            && !self.packages.is_empty()
        {
            lines.extend(manager.refresh_command()?.as_ref().map(process::line));
            lines.push(process::line(&manager.install_command(&self.packages)?));
        }
        lines.extend(self.chroots.iter().map(|chroot| chroot.description()));
        lines.extend(self.python.iter().map(|tool| tool.description()));
        lines.extend(self.cargo.iter().map(|install| process::line(&install())));
        lines.extend(self.libraries.iter().map(|architecture| library::description(*architecture)));
        if self.toolchain {
            lines.extend(completion::description());
        }
        Ok(lines)
    }

    /// What no package manager that we know brings.
    pub(super) fn by_hand(&self) -> &[&'static str] {
        &self.by_hand
    }

    fn touch(path: &str) -> Result<Command> {
        let mut command = process::as_root("touch")?;
        command.arg(path);
        Ok(command)
    }

    /// Does it. A failed part does not keep the others from being tried: whoever made the plan
    /// looks again at what is missing.
    pub(super) fn carry_out(&self) {
        for path in &self.files {
            if let Err(error) = Self::touch(path).and_then(|mut touch| process::run(&mut touch)) {
                eprintln!("set-up: {error:#}");
            }
        }
        if let Some(manager) = self.manager
            && !self.packages.is_empty()
            && let Err(error) = manager.install(&self.packages)
        {
            eprintln!("set-up: {error:#}");
        }
        let chroots = self.chroots.iter().map(|chroot| chroot.make());
        let tools = self.python.iter().map(|tool| tool.make());
        let cargo = self.cargo.iter().map(|install| process::run(&mut install()));
        let libraries = self.libraries.iter().map(|one| library::add(*one, self.manager));
        let all = chroots.chain(tools).chain(cargo).chain(libraries);
        for error in all.filter_map(Result::err) {
            eprintln!("set-up: {error:#}");
        }
        if self.toolchain
            && let Err(error) = completion::carry_out(Manager::Apt)
        {
            eprintln!("set-up: {error:#}");
        }
    }
}
