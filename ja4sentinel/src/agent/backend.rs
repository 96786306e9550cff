//! Which backend takes the packets.

use anyhow::{Context, Result, bail};

use super::interfaces;
#[cfg(feature = "libpcap")]
use crate::capture::pcap::{Options, PcapSource};
use crate::capture::{Interface, Live};
#[cfg(feature = "libpcap")]
use crate::config::InterfacePattern;
use crate::config::{self, Config};

/// A source that watches its interfaces.
pub(super) enum Backend {
    /// Frames by libpcap.
    #[cfg(feature = "libpcap")]
    Pcap(PcapSource),
}

/// Opens the backend that the configuration asks for, and says in one line which it is and why.
///
/// # Errors
/// It cannot be opened; with `auto`, none can.
pub(super) fn open(config: &Config) -> Result<Backend> {
    let list = interfaces::resolve(&config.interfaces)?;
    match config.backend {
        config::Backend::Ebpf => bail!("no eBPF yet"),
        config::Backend::Pcap => pcap(config, &list).context("libpcap cannot be used"),
        config::Backend::Auto => pcap(config, &list).context("libpcap cannot be used"),
    }
}

#[cfg(feature = "libpcap")]
fn pcap(config: &Config, list: &[Interface]) -> Result<Backend> {
    let mut source = PcapSource::new(Options {
        ports: config.settings.ports.clone(),
        tunnels: config.settings.tunnel_depth > 0,
        condition: config.bpf_filter.clone(),
        promiscuous: config.promiscuous,
        // The device that stands for all interfaces cannot be made promiscuous.
        any: config.interfaces.patterns == [InterfacePattern::Any] && !config.promiscuous,
    })?;
    source.watch(list)?;
    Ok(Backend::Pcap(source))
}

#[cfg(not(feature = "libpcap"))]
fn pcap(_: &Config, _: &[Interface]) -> Result<Backend> {
    bail!("this program was built without it")
}
