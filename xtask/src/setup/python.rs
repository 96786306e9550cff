//! Programs from the Python package index, each in an environment of its own below cargo's target
//! folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// One program.
#[derive(Debug)]
pub(crate) struct Tool {
    package: &'static str,
    version: &'static str,
    program: &'static str,
}

/// Validates Kubernetes manifests; it carries Kubernetes's schemas.
pub(crate) static KUBERNETES_VALIDATE: Tool =
    Tool { package: "kubernetes-validate", version: "1.37.0", program: "kubernetes-validate" };

impl Tool {
    /// Whether it is there.
    pub(super) fn exists(&self) -> bool {
        self.program().exists()
    }

    /// What [`Tool::make`] does, for people.
    pub(super) fn description(&self) -> String {
        let folder = self.folder();
        format!("pip install {} into {}", self.requirement(), folder.display())
    }

    /// Installs it.
    pub(super) fn make(&self) -> Result<()> {
        let folder = self.folder();
        process::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        process::run(
            pip.args(["install", "--quiet", "--disable-pip-version-check"]).arg(self.requirement()),
        )
    }

    /// Its path.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder().join("bin").join(self.program)
    }

    fn folder(&self) -> PathBuf {
        workspace::tools().join(format!("{}-{}", self.package, self.version))
    }

    fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}
