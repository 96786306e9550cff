//! Which backend takes the packets.

use anyhow::{Context, Result, anyhow};

use super::bypass::Bypass;
use super::condition::Condition;
use super::interfaces;
use super::privileges::Needs;
use crate::capture::ebpf::{self, EbpfError, EbpfSource, How, Placement};
#[cfg(feature = "libpcap")]
use crate::capture::pcap::{Options, PcapSource};
use crate::capture::{Interface, Live};
use crate::config::{self, Config, InterfacePattern};
use crate::metrics::Ring;
use crate::sandbox::{self, Capability};

/// A source that watches its interfaces.
pub(super) enum Backend {
    /// Frames that the kernel selects.
    Ebpf(Box<EbpfSource>),
    /// Frames by libpcap.
    #[cfg(feature = "libpcap")]
    Pcap(Box<PcapSource>),
}

/// A source that takes over another configuration while it runs.
pub(super) trait Configured: Live {
    /// As in records and in the configuration.
    const NAME: &'static str;

    /// Goes by this configuration from now on, but for the interfaces: [`Live::watch`] is to be
    /// called afterwards.
    ///
    /// # Errors
    /// The kernel refuses it.
    fn configure(&mut self, config: &Config) -> Result<()>;

    /// What it needs to go on, with interfaces that come or without.
    fn needs(&self, follows: bool) -> Needs;

    /// What the source leaves to be judged of `core.bpf_filter`.
    ///
    /// # Errors
    /// libpcap refuses the expression.
    fn condition(config: &Config) -> Result<Condition>;

    /// Whether the kernel program's own messages are wanted, if it has any.
    fn set_messages(&mut self, wanted: bool);

    /// What notices that other programs take the packets away before, if they can.
    fn bypass() -> Option<Bypass>;

    /// How full its ring buffer is, if it has one.
    fn ring(&self) -> Option<Ring>;

    /// The keys in which the two differ and which are fixed while the source is open.
    fn fixed(old: &Config, new: &Config) -> Vec<&'static str>;
}

impl Configured for EbpfSource {
    const NAME: &'static str = "ebpf";

    fn configure(&mut self, config: &Config) -> Result<()> {
        self.set_ports(&config.settings.ports)?;
        Ok(self.reconfigure(&config.settings)?)
    }

    fn needs(&self, follows: bool) -> Needs {
        Needs::of_ebpf(follows, self.attached().any(|one| one.how != How::Tcx))
    }

    fn condition(config: &Config) -> Result<Condition> {
        Condition::new(config.bpf_filter.as_deref())
    }

    fn set_messages(&mut self, wanted: bool) {
        if let Err(error) = Self::set_messages(self, wanted) {
            tracing::warn!(%error, "the kernel program is not told the log level");
        }
    }

    fn bypass() -> Option<Bypass> {
        Bypass::new()
    }

    fn ring(&self) -> Option<Ring> {
        Some(Ring { size: self.ring_bytes().into(), used: self.ring_bytes_waiting() })
    }

    fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
        let tables = |config: &Config| ebpf::Options::of(&config.settings).flows;
        let mut keys = Vec::new();
        if new.backend == config::Backend::Pcap {
            keys.push("core.backend");
        }
        if tables(old) != tables(new) {
            keys.push("limits.flows (in the kernel)");
        }
        let Placement { attach, order, priority } = old.placement;
        keys.extend((attach != new.placement.attach).then_some("core.attach"));
        keys.extend((order != new.placement.order).then_some("core.tcx_order"));
        keys.extend((priority != new.placement.priority).then_some("core.tc_priority"));
        keys
    }
}

#[cfg(feature = "libpcap")]
impl Configured for PcapSource {
    const NAME: &'static str = "pcap";

    fn configure(&mut self, config: &Config) -> Result<()> {
        Ok(self.reconfigure(pcap_options(config))?)
    }

    fn needs(&self, follows: bool) -> Needs {
        Needs::of_pcap(follows)
    }

    /// It has the expression in its own filter.
    fn condition(_: &Config) -> Result<Condition> {
        Ok(Condition::default())
    }

    fn set_messages(&mut self, _: bool) {}

    /// Its packet sockets come before all programs but those of XDP.
    fn bypass() -> Option<Bypass> {
        None
    }

    fn ring(&self) -> Option<Ring> {
        None
    }

    fn fixed(_: &Config, new: &Config) -> Vec<&'static str> {
        if new.backend == config::Backend::Ebpf { vec!["core.backend"] } else { Vec::new() }
    }
}

/// Opens the backend that the configuration asks for, and says in one line which it is and why.
///
/// # Errors
/// It cannot be opened; with `auto`, none can.
pub(super) fn open(config: &Config) -> Result<Backend> {
    let list = interfaces::resolve(&config.interfaces)?;
    let (backend, why) = match config.backend {
        config::Backend::Ebpf => {
            (ebpf(config, &list).map_err(name_lacking)?, "it was asked for".to_owned())
        }
        config::Backend::Pcap => (pcap(config, &list)?, "it was asked for".to_owned()),
        config::Backend::Auto => match ebpf(config, &list).map_err(name_lacking) {
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
    fn name(&self) -> &'static str {
        match self {
            Self::Ebpf(_) => EbpfSource::NAME,
            #[cfg(feature = "libpcap")]
            Self::Pcap(_) => PcapSource::NAME,
        }
    }
}

fn ebpf(config: &Config, list: &[Interface]) -> Result<Backend> {
    let options =
        ebpf::Options { placement: config.placement, ..ebpf::Options::of(&config.settings) };
    let mut source = EbpfSource::open(&options)?;
    source.set_ports(&config.settings.ports)?;
    take_up(&mut source, config, list)?;
    Ok(Backend::Ebpf(Box::new(source)))
}

/// Says which of the capabilities for eBPF are not there, when that is why it is refused.
fn name_lacking(error: anyhow::Error) -> anyhow::Error {
    if !matches!(error.downcast_ref(), Some(EbpfError::NotPermitted(_) | EbpfError::Kernel { .. }))
    {
        return error;
    }
    let held = sandbox::held();
    // CAP_SYS_ADMIN was all of them once, and for bpf() still is.
    let has = |one: &Capability| {
        let bpf = *one != Capability::CAP_NET_ADMIN;
        held.contains(one) || (bpf && held.contains(&Capability::CAP_SYS_ADMIN))
    };
    let needed = [Capability::CAP_BPF, Capability::CAP_NET_ADMIN, Capability::CAP_PERFMON];
    let lacking: Vec<String> =
        needed.iter().filter(|one| !has(one)).map(ToString::to_string).collect();
    if lacking.is_empty() {
        return error;
    }
    anyhow!("{error:#}; the process lacks {}", lacking.join(" and "))
}

#[cfg(feature = "libpcap")]
fn pcap(config: &Config, list: &[Interface]) -> Result<Backend> {
    let mut source = PcapSource::new(pcap_options(config))?;
    take_up(&mut source, config, list)?;
    Ok(Backend::Pcap(Box::new(source)))
}

#[cfg(feature = "libpcap")]
/// What libpcap is told.
pub(crate) fn pcap_options(config: &Config) -> Options {
    Options {
        ports: config.settings.ports.clone(),
        tunnels: config.settings.tunnel_depth > 0,
        condition: config.bpf_filter.clone(),
        promiscuous: config.promiscuous,
        // The device that stands for all interfaces cannot be made promiscuous.
        any: config.interfaces.patterns == [InterfacePattern::Any] && !config.promiscuous,
    }
}

#[cfg(not(feature = "libpcap"))]
fn pcap(_: &Config, _: &[Interface]) -> Result<Backend> {
    anyhow::bail!("this program was built without libpcap")
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
