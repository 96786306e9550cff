//! Whether this host can run the agent, in plain words, with a remedy for whatever is not well.
//!
//! Nothing is changed: the eBPF program is loaded and attached nowhere, interfaces are opened and
//! closed, outputs connected to and let go, no file is made.

mod backend;
mod bypass;
mod capabilities;
mod check;
mod interfaces;
mod kernel;
mod metrics;
mod neighbours;
mod outputs;
mod privileges;

use serde::Serialize;

use crate::capture::Release;
use crate::config::{self, Config};

pub use check::{Check, Status};

use capabilities::Capabilities;

/// What was found on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The worst of the checks.
    pub verdict: Status,
    /// In the order in which they were made.
    pub checks: Vec<Check>,
}

/// Looks at everything that the agent needs. Of a configuration that is not valid, `config` is what
/// is wrong, a line each; then only the host itself is looked at.
#[must_use]
pub fn examine(config: Result<&Config, &str>) -> Report {
    let mut checks = Vec::new();
    let wanted = config.map_or(config::Backend::Auto, |config| config.backend);
    let release = Release::of_this_host();
    let capabilities = Capabilities::of_this_process();
    match config {
        Ok(_) => checks.push(Check::ok("configuration", "valid")),
        Err(mistakes) => checks.extend(mistakes.lines().map(|mistake| {
            let remedy = "correct it; interfaces and outputs are looked at when it is valid";
            Check::failed("configuration", mistake, remedy)
        })),
    }
    checks.push(kernel::version(&release, wanted));
    checks.push(kernel::btf());
    checks.push(capabilities::check(&capabilities, wanted));
    checks.push(kernel::memlock(&release, &capabilities, wanted));
    let defaults = Config::default();
    let settings = config.unwrap_or(&defaults);
    let interfaces = interfaces::wanted(settings);
    checks.extend(backend::check(settings, &interfaces, &capabilities));
    if config.is_ok() {
        checks.extend(interfaces::check(settings, &interfaces));
        checks.extend(neighbours::check(&interfaces));
        checks.extend(bypass::check(settings.control.as_deref()));
        checks.extend(privileges::check(settings));
        checks.extend(metrics::check(settings.metrics.as_ref()));
    }
    let verdict = checks.iter().map(|check| check.status).max().unwrap_or(Status::Ok);
    Report { verdict, checks }
}
