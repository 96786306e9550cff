//! Which backend would take the packets: each that may is truly tried.

use std::io;

use super::capabilities::{Capabilities, PERFMON};
use super::kernel::needed;
use super::{Check, Status};
use crate::capture::Interface;
use crate::capture::ebpf::{self, EbpfError, EbpfSource};
use crate::config::{Backend, Config};

/// Tries what the configuration allows, and says which would be chosen, and why.
pub(super) fn check(
    config: &Config,
    interfaces: &io::Result<Vec<Interface>>,
    capabilities: &Capabilities,
) -> Vec<Check> {
    let none = Vec::new();
    let interfaces = interfaces.as_ref().unwrap_or(&none);
    let ebpf = (config.backend != Backend::Pcap).then(|| try_ebpf(config, capabilities));
    let pcap = (config.backend != Backend::Ebpf).then(|| try_pcap(config, interfaces));
    let works =
        |tried: &Option<Check>| tried.as_ref().is_some_and(|check| check.status == Status::Ok);
    let choice = choose(config.backend, works(&ebpf), works(&pcap));
    let pcap = pcap.map(|check| match check.status {
        Status::Warning if works(&ebpf) => {
            Check::ok(check.check, format!("not needed, and could not be used: {}", check.found))
        }
        _ => check,
    });
    ebpf.into_iter().chain(pcap).chain([choice]).collect()
}

fn choose(wanted: Backend, ebpf: bool, pcap: bool) -> Check {
    const NAME: &str = "backend";
    let else_what = "see the lines above; each says what to do";
    match wanted {
        Backend::Ebpf if ebpf => Check::ok(NAME, "ebpf: it is asked for, and works"),
        Backend::Pcap if pcap => Check::ok(NAME, "pcap: it is asked for, and works"),
        Backend::Ebpf => Check::failed(NAME, "ebpf is asked for, and does not work", else_what),
        Backend::Pcap => Check::failed(NAME, "pcap is asked for, and does not work", else_what),
        Backend::Auto if ebpf => Check::ok(NAME, "ebpf: it works on this host"),
        Backend::Auto if pcap => Check::warning(
            NAME,
            "pcap, as eBPF does not work; it costs more a packet",
            "see the line `ebpf`, or set core.backend: pcap if that is what you want",
        ),
        Backend::Auto => Check::failed(NAME, "none works", else_what),
    }
}

/// Loads the program and its tables as the agent would, and lets them go again.
fn try_ebpf(config: &Config, capabilities: &Capabilities) -> Check {
    const NAME: &str = "ebpf";
    let error = match EbpfSource::open(&ebpf::Options::of(&config.settings)) {
        Ok(_) => return Check::ok(NAME, "the kernel takes the program and its tables"),
        Err(error) => error,
    };
    let remedy = match &error {
        EbpfError::NotPermitted(_) | EbpfError::Kernel { .. }
            if capabilities.are_enough_for_ebpf() && !capabilities.have(PERFMON) =>
        {
            "grant CAP_PERFMON as well, without which the verifiers of older kernels refuse more; \
             else use a newer kernel, or core.backend: pcap"
        }
        EbpfError::NotPermitted(_) => {
            "run as root or grant the capabilities named above; in a container, seccomp and the \
             runtime must allow bpf() as well"
        }
        EbpfError::NoSystemCall(_) => {
            "use a kernel that has bpf(); in a container or a service, let seccomp allow it; else \
             core.backend: pcap"
        }
        EbpfError::Kernel { .. } => "use a newer kernel, or core.backend: pcap",
        EbpfError::NoMemory(_) => {
            "make limits.flows smaller, or raise the limit of locked memory or of the control group"
        }
        _ => "set core.backend: pcap, and report this",
    };
    let found = match error {
        EbpfError::NotPermitted(cause) => format!("the kernel does not permit it: {cause}"),
        EbpfError::NoSystemCall(cause) => format!("bpf() is not to be had: {cause}"),
        EbpfError::Kernel { cause, .. } => format!("the kernel refuses the program: {cause}"),
        EbpfError::NoMemory(cause) => format!("no memory for the tables: {cause}"),
        other => other.to_string(),
    };
    Check::bad(NAME, needed(config.backend), found, remedy)
}

/// Opens the interfaces by libpcap, and closes them again.
#[cfg(feature = "libpcap")]
fn try_pcap(config: &Config, interfaces: &[Interface]) -> Check {
    use crate::agent::pcap_options;
    use crate::capture::Live as _;
    use crate::capture::pcap::PcapSource;

    const NAME: &str = "libpcap";
    let tried = || -> anyhow::Result<String> {
        // Handles register with a runtime.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let _inside = runtime.enter();
        let mut options = pcap_options(config);
        // Without an interface, the device that stands for all shows as much.
        options.any |= interfaces.is_empty();
        let all = options.any;
        let mut source = PcapSource::new(options)?;
        match source.watch(interfaces) {
            Ok(()) if all => Ok("the device that stands for all can be opened".to_owned()),
            Ok(()) => Ok(format!("interfaces that can be opened: {}", interfaces.len())),
            // As the agent does it: one is enough of those that fit a pattern.
            Err(error) if source.is_watching() => {
                Ok(format!("all but some can be opened: {error}"))
            }
            Err(error) => Err(error.into()),
        }
    };
    match tried() {
        Ok(words) => Check::ok(NAME, words),
        Err(error) => {
            let remedy = "run as root or grant CAP_NET_RAW, and look at core.interface";
            Check::bad(NAME, without_pcap(config.backend), error.to_string(), remedy)
        }
    }
}

#[cfg(not(feature = "libpcap"))]
fn try_pcap(config: &Config, _: &[Interface]) -> Check {
    let found = "this program was built without libpcap";
    let remedy = "use a build that has it, or core.backend: ebpf";
    Check::bad("libpcap", without_pcap(config.backend), found, remedy)
}

/// How bad it is when libpcap cannot be used.
fn without_pcap(wanted: Backend) -> Status {
    if wanted == Backend::Pcap { Status::Failed } else { Status::Warning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_is_chosen_as_the_configuration_says() {
        let cases = [
            (Backend::Auto, true, true, Status::Ok, "ebpf"),
            (Backend::Auto, true, false, Status::Ok, "ebpf"),
            (Backend::Auto, false, true, Status::Warning, "pcap"),
            (Backend::Auto, false, false, Status::Failed, "none"),
            (Backend::Ebpf, false, true, Status::Failed, "ebpf"),
            (Backend::Ebpf, true, true, Status::Ok, "ebpf"),
            (Backend::Pcap, true, false, Status::Failed, "pcap"),
            (Backend::Pcap, true, true, Status::Ok, "pcap"),
        ];
        for (wanted, ebpf, pcap, status, name) in cases {
            let check = choose(wanted, ebpf, pcap);
            assert_eq!(check.status, status, "{wanted:?} {ebpf} {pcap}");
            assert!(check.found.starts_with(name), "{check:?}");
        }
    }
}
