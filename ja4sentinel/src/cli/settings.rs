//! Where a configuration comes from: a file, the environment, flags.

use std::path::{Path, PathBuf};

use clap::Args;
use ja4sentinel::config::{Config, Overrides};

/// Flags that override the configuration file and the environment. They are judged together with
/// those, so that every mistake is told at once.
#[derive(Args, Default)]
pub(super) struct Flags {
    /// Interfaces to watch: names, globs and !globs between commas, or any
    #[arg(long, short, value_name = "LIST")]
    interface: Option<String>,
    /// Server ports to watch: any, or ports and ranges between commas
    #[arg(long, short, value_name = "any|LIST")]
    ports: Option<String>,
    /// How packets are taken; auto is eBPF where it works and libpcap where not
    #[arg(long, value_name = "auto|ebpf|pcap")]
    backend: Option<String>,
    /// A further condition on packets, in the language of tcpdump
    #[arg(long, value_name = "EXPRESSION")]
    bpf_filter: Option<String>,
    /// How much to say on standard error
    #[arg(long, value_name = "error|warn|info|debug|trace")]
    log_level: Option<String>,
}

/// Reads the configuration.
///
/// # Errors
/// Every mistake in it, a line each, or why the file cannot be read.
pub(super) fn load(file: Option<&PathBuf>, flags: &Flags) -> Result<Config, String> {
    let text = match file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| format!("{}: cannot be read: {error}", path.display()))?,
        ),
        None => None,
    };
    let overrides = Overrides {
        interface: flags.interface.clone(),
        ports: flags.ports.clone(),
        backend: flags.backend.clone(),
        bpf_filter: flags.bpf_filter.clone(),
        log_level: flags.log_level.clone(),
    };
    let named: Option<(&Path, &str)> = file.map(PathBuf::as_path).zip(text.as_deref());
    Config::load(named, &|name| std::env::var(name).ok(), &overrides)
        .map_err(|mistakes| mistakes.to_string())
}
