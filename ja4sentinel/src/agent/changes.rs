//! In what two configurations differ.

use crate::capture::ebpf::Placement;
use crate::config::Config;
use crate::sensor::{Limits, Settings};

/// The keys and sections that differ, as the file calls them.
pub(super) fn changes(old: &Config, new: &Config) -> Vec<&'static str> {
    // Taken apart, so that no key can be forgotten.
    let Config {
        interfaces,
        settings,
        backend,
        placement,
        bpf_filter,
        promiscuous,
        log_level,
        log_target,
        metrics,
        control,
        follow_interfaces,
        privileges,
        outputs,
    } = new;
    let Placement { attach, order, priority } = placement;
    let Settings {
        ports,
        clients,
        limits,
        starttls,
        proxy_protocol,
        proxy_protocol_ports,
        tunnel_depth,
        report_incomplete,
    } = settings;
    let (before, placed) = (&old.settings, &old.placement);
    let bounds = |limits: &Limits| Limits { flow_timeout_ns: 0, ..*limits };
    [
        ("core.interface", old.interfaces != *interfaces),
        ("core.follow_interfaces", old.follow_interfaces != *follow_interfaces),
        ("core.listen_ports", before.ports != *ports),
        ("core.backend", old.backend != *backend),
        ("core.attach", placed.attach != *attach),
        ("core.tcx_order", placed.order != *order),
        ("core.tc_priority", placed.priority != *priority),
        ("core.bpf_filter", old.bpf_filter != *bpf_filter),
        ("core.promiscuous", old.promiscuous != *promiscuous),
        ("core.flow_timeout_sec", before.limits.flow_timeout_ns != limits.flow_timeout_ns),
        ("core.allow_clients", before.clients.allow != clients.allow),
        ("core.deny_clients", before.clients.deny != clients.deny),
        ("core.proxy_protocol", before.proxy_protocol != *proxy_protocol),
        ("core.proxy_protocol_ports", before.proxy_protocol_ports != *proxy_protocol_ports),
        ("core.starttls", before.starttls != *starttls),
        ("core.tunnel_depth", before.tunnel_depth != *tunnel_depth),
        ("core.report_incomplete", before.report_incomplete != *report_incomplete),
        ("core.log_level", old.log_level != *log_level),
        ("core.log_target", old.log_target != *log_target),
        ("limits", bounds(&before.limits) != bounds(limits)),
        ("metrics", old.metrics != *metrics),
        ("control", old.control != *control),
        ("privileges", old.privileges != *privileges),
        ("outputs", old.outputs != *outputs),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::ebpf::Attach;

    #[test]
    fn each_change_is_named_by_its_key() {
        let old = Config::default();
        assert_eq!(changes(&old, &old), Vec::<&str>::new());
        let mut new = old.clone();
        new.settings.ports.insert(1);
        new.settings.limits.flow_timeout_ns += 1;
        assert_eq!(changes(&old, &new), ["core.listen_ports", "core.flow_timeout_sec"]);
        let mut new = old.clone();
        new.placement.priority += 1;
        new.placement.attach = Attach::Clsact;
        assert_eq!(changes(&old, &new), ["core.attach", "core.tc_priority"]);
        let mut new = old.clone();
        new.settings.limits.flows += 1;
        new.outputs.clear();
        assert_eq!(changes(&old, &new), ["limits", "outputs"]);
    }
}
