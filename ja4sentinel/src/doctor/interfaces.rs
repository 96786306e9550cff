//! The interfaces that the configuration means.

use std::io;

use super::Check;
use crate::capture::{self, Interface, ebpf, netlink};
use crate::config::{Backend, Config};

/// Those that are there now.
pub(super) fn wanted(config: &Config) -> io::Result<Vec<Interface>> {
    let mut there = capture::interfaces()?;
    there.retain(|interface| config.interfaces.matches(&interface.name));
    Ok(there)
}

/// Whether there are any, and whether they can be watched.
pub(super) fn check(config: &Config, wanted: &io::Result<Vec<Interface>>) -> Vec<Check> {
    const NAME: &str = "interfaces";
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => {
            let found = format!("the interfaces of this host cannot be listed: {error}");
            return vec![Check::failed(NAME, found, "let the agent read them, as `ip link` does")];
        }
    };
    let mut checks = Vec::new();
    let names: Vec<&str> = wanted.iter().map(|interface| &*interface.name).collect();
    for missing in config.interfaces.names().filter(|name| !names.contains(name)) {
        let there: Vec<_> = capture::interfaces().into_iter().flatten().map(|i| i.name).collect();
        let found = format!("there is no interface {missing}; there are {}", there.join(", "));
        let remedy = "name one of them in core.interface, or use a pattern if it comes later";
        checks.push(Check::failed(NAME, found, remedy));
    }
    if !names.is_empty() {
        checks.push(Check::ok(NAME, format!("to be watched: {}", names.join(", "))));
    } else if checks.is_empty() {
        let found = format!("none fits {} yet", config.interfaces);
        let remedy = "look at core.interface; those that come later will be watched";
        checks.push(Check::warning(NAME, found, remedy));
    }
    let down = netlink::links().unwrap_or_default().into_iter().filter(|link| !link.up);
    let down: Vec<u32> = down.map(|link| link.index).collect();
    for interface in wanted {
        let name = format!("interface {}", interface.name);
        if down.contains(&interface.index) {
            let remedy = format!("`ip link set {} up`, or leave it out", interface.name);
            checks.push(Check::warning(&name, "it is down", remedy));
        }
        if config.backend != Backend::Pcap
            && let Err(error) = ebpf::readable(interface)
        {
            let remedy = format!(
                "leave it out (\"!{}\" in core.interface), or set core.backend: pcap",
                interface.name
            );
            checks.push(Check::warning(&name, error.to_string(), remedy));
        }
    }
    checks
}
