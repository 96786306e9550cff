//! Which backend takes the packets.

use anyhow::{Context, Result, anyhow, bail};

use super::interfaces;
use crate::capture::ebpf::{self, EbpfSource};
#[cfg(feature = "libpcap")]
use crate::capture::pcap::{Options, PcapSource};
use crate::capture::{Interface, Live};
use crate::config::{self, Config, InterfacePattern};

/// A source that watches its interfaces.
pub(super) enum Backend {
    /// Frames that the kernel selects.
    Ebpf(Box<EbpfSource>),
    /// Frames by libpcap.
    #[cfg(feature = "libpcap")]
    Pcap(Box<PcapSource>),
}

/// Opens the backend that the configuration asks for, and says in one line which it is and why.
///
/// # Errors
/// It cannot be opened; with `auto`, none can.
pub(super) fn open(config: &Config) -> Result<Backend> {
    let list = interfaces::resolve(&config.interfaces)?;
    let (backend, why) = match config.backend {
        config::Backend::Ebpf => (ebpf(config, &list)?, "it was asked for".to_owned()),
        config::Backend::Pcap => (pcap(config, &list)?, "it was asked for".to_owned()),
        config::Backend::Auto => match suitable(config).and_then(|()| ebpf(config, &list)) {
            Ok(backend) => (backend, "it works on this machine".to_owned()),
            Err(no_ebpf) => {
                let backend = pcap(config, &list).map_err(|no_pcap| {
                    anyhow!("no backend can be used. eBPF: {no_ebpf:#}. libpcap: {no_pcap:#}")
                })?;
                (backend, format!("eBPF cannot be used: {no_ebpf:#}"))
            }
        },
    };
    tracing::info!(backend = backend.name(), why, "backend chosen");
    Ok(backend)
}

impl Backend {
    /// As in records and in the configuration.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ebpf(_) => "ebpf",
            #[cfg(feature = "libpcap")]
            Self::Pcap(_) => "pcap",
        }
    }
}

/// Whether the kernel's selection can do what is asked for.
fn suitable(config: &Config) -> Result<()> {
    if config.settings.tunnel_depth > 0 {
        bail!("the kernel's selection does not look into tunnels (core.tunnel_depth)");
    }
    Ok(())
}

fn ebpf(config: &Config, list: &[Interface]) -> Result<Backend> {
    if let Err(limit) = suitable(config) {
        tracing::warn!("{limit:#}");
    }
    let mut source = EbpfSource::open(&ebpf::Options::of(&config.settings))?;
    source.set_ports(&config.settings.ports)?;
    take_up(&mut source, config, list)?;
    Ok(Backend::Ebpf(Box::new(source)))
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
    take_up(&mut source, config, list)?;
    Ok(Backend::Pcap(Box::new(source)))
}

#[cfg(not(feature = "libpcap"))]
fn pcap(_: &Config, _: &[Interface]) -> Result<Backend> {
    bail!("this program was built without libpcap")
}

/// Watches the interfaces. Those that are asked for by their names have to work; of those that only
/// fit a pattern, one is enough.
fn take_up<S: Live>(source: &mut S, config: &Config, list: &[Interface]) -> Result<()> {
    let named = |interface: &&Interface| {
        config.interfaces.patterns.iter().any(
            |pattern| matches!(pattern, InterfacePattern::Name(name) if **name == *interface.name),
        )
    };
    let asked_for: Vec<Interface> = list.iter().filter(named).cloned().collect();
    if !asked_for.is_empty() {
        source.watch(&asked_for)?;
    }
    match source.watch(list) {
        Err(error) if source.is_watching() => {
            tracing::warn!(%error, "not all interfaces can be watched");
            Ok(())
        }
        watched => watched.context("no interface can be watched"),
    }
}
