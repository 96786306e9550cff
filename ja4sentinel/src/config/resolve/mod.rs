//! What was typed to what is meant, by filling in defaults and judging values against each other.

mod outputs;
mod sinks;

use std::path::PathBuf;

use super::interfaces::{InterfacePattern, Interfaces};
use super::lists::PortRange;
use super::raw::{self, Control, Core, Limits, Raw};
use super::reading::{Reading, Typed};
use super::values::Size;
use super::{Config, Privileges};
use crate::capture::ebpf::Placement;
use crate::sandbox::Mode;
use crate::sensor::{Clients, Limits as SensorLimits, PortSet, Settings};

/// The configuration that `raw` means; mistakes are noted in `reading`.
pub(super) fn resolve(raw: Raw, reading: &mut Reading) -> Config {
    let default = Config::default();
    let core = raw.core.map(|typed| typed.value).unwrap_or_default();
    let limits = raw.limits.map(|typed| typed.value).unwrap_or_default();
    let outputs = match raw.outputs {
        None => default.outputs,
        Some(outputs) => outputs::resolve(outputs.value.0, outputs.place, reading),
    };
    let settings = settings(&core, &limits, reading);
    Config {
        interfaces: interfaces(&core, reading).unwrap_or(default.interfaces),
        backend: or(&core.backend, default.backend),
        placement: placement(&core, default.placement),
        promiscuous: or(&core.promiscuous, default.promiscuous),
        log_level: or(&core.log_level, default.log_level),
        log_target: or(&core.log_target, default.log_target),
        settings,
        metrics: raw.metrics.and_then(|metrics| Some(metrics.value.listen?.value)),
        control: control(&raw.control.map(|typed| typed.value).unwrap_or_default()),
        follow_interfaces: or(&core.follow_interfaces, default.follow_interfaces),
        privileges: privileges(raw.privileges.map(|typed| typed.value), reading),
        outputs,
        bpf_filter: core.bpf_filter.and_then(|filter| filter.value.0),
    }
}

fn control(control: &Control) -> Option<PathBuf> {
    let socket = control.socket.as_ref().map(|typed| typed.value.clone());
    or(&control.enabled, true).then(|| socket.unwrap_or_else(|| Config::CONTROL.into()))
}

fn privileges(raw: Option<raw::Privileges>, reading: &mut Reading) -> Privileges {
    let (raw, default) = (raw.unwrap_or_default(), Privileges::default());
    let privileges = Privileges {
        user: raw.user.map(|typed| typed.value),
        drop_capabilities: or(&raw.drop_capabilities, default.drop_capabilities),
        no_new_privileges: or(&raw.no_new_privileges, default.no_new_privileges),
        landlock: or(&raw.landlock, default.landlock),
        seccomp: or(&raw.seccomp, default.seccomp),
    };
    let needed = [privileges.landlock, privileges.seccomp].iter().any(|mode| *mode != Mode::Off);
    if let Some(typed) = raw.no_new_privileges.filter(|typed| needed && !typed.value) {
        reading.note_at(
            "privileges.no_new_privileges",
            typed.place,
            "found false, and landlock and seccomp need it",
            "true, or landlock: off and seccomp: off as well",
        );
    }
    privileges
}

fn or<T: Copy>(typed: &Option<Typed<T>>, default: T) -> T {
    typed.as_ref().map_or(default, |typed| typed.value)
}

fn placement(core: &Core, default: Placement) -> Placement {
    let priority = core.tc_priority.as_ref().and_then(|typed| u16::try_from(typed.value.0).ok());
    Placement {
        attach: or(&core.attach, default.attach),
        order: or(&core.tcx_order, default.order),
        priority: priority.unwrap_or(default.priority),
    }
}

fn interfaces(core: &Core, reading: &mut Reading) -> Option<Interfaces> {
    let typed = core.interface.as_ref()?;
    if typed.value.iter().all(|pattern| matches!(pattern, InterfacePattern::Not(_))) {
        reading.note_at(
            "core.interface",
            typed.place,
            "found no interface to watch",
            "at least one that is not left out",
        );
    }
    Some(Interfaces { patterns: typed.value.clone() })
}

fn settings(core: &Core, limits: &Limits, reading: &mut Reading) -> Settings {
    let default = Settings::default();
    let ports = core.listen_ports.as_ref().map(|typed| {
        if typed.value.is_empty() {
            reading.note_at(
                "core.listen_ports",
                typed.place,
                "found an empty list",
                "at least one port",
            );
        }
        port_set(&typed.value)
    });
    let networks = |list: &Option<Typed<Vec<_>>>| {
        list.as_ref().map(|typed| typed.value.clone()).unwrap_or_default()
    };
    Settings {
        ports: ports.unwrap_or(default.ports),
        clients: Clients {
            allow: networks(&core.allow_clients),
            deny: networks(&core.deny_clients),
        },
        limits: sensor_limits(core, limits),
        starttls: or(&core.starttls, default.starttls),
        proxy_protocol: or(&core.proxy_protocol, default.proxy_protocol),
        proxy_protocol_ports: core
            .proxy_protocol_ports
            .as_ref()
            .map_or(default.proxy_protocol_ports, |typed| port_set(&typed.value)),
        tunnel_depth: core
            .tunnel_depth
            .as_ref()
            .and_then(|typed| u8::try_from(typed.value.0).ok())
            .unwrap_or(default.tunnel_depth),
        report_incomplete: or(&core.report_incomplete, default.report_incomplete),
    }
}

fn sensor_limits(core: &Core, limits: &Limits) -> SensorLimits {
    let default = SensorLimits::default();
    let bytes = |size: &Option<Typed<Size>>, default| {
        size.as_ref().map_or(default, |typed| fit(typed.value.0))
    };
    SensorLimits {
        flows: limits.flows.as_ref().map_or(default.flows, |typed| fit(typed.value.0)),
        segments_per_hello: limits
            .segments_per_hello
            .as_ref()
            .map_or(default.segments_per_hello, |typed| fit(typed.value.0)),
        bytes_per_hello: bytes(&limits.bytes_per_hello, default.bytes_per_hello),
        reassembly_bytes: bytes(&limits.reassembly_bytes, default.reassembly_bytes),
        flow_timeout_ns: core
            .flow_timeout_sec
            .as_ref()
            .map_or(default.flow_timeout_ns, |typed| typed.value.0 * 1_000_000_000),
    }
}

fn fit(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn port_set(ranges: &[PortRange]) -> PortSet {
    ranges.iter().flat_map(|PortRange(from, to)| *from..=*to).collect()
}
