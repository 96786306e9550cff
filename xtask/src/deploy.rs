//! `cargo xtask deploy`: the files in `deploy/`, read by the programs that they are for.

mod kubernetes;
mod monitoring;
mod systemd;

use anyhow::{Context, Result};

use crate::setup::{self, Purpose};
pub(crate) use systemd::capabilities;

/// Arguments of `cargo xtask deploy`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

/// Checks the unit, the manifests and the alert rules.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Purpose::Deploy, arguments.yes)?;
    systemd::check().context("deploy/systemd")?;
    kubernetes::check().context("deploy/kubernetes")?;
    monitoring::check().context("deploy/monitoring")
}
