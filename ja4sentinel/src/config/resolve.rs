//! What was typed to what is meant, by filling in defaults and judging values against each other.

use std::path::PathBuf;

use super::interfaces::{InterfacePattern, Interfaces};
use super::lists::{Field, PortRange};
use super::raw::{Core, FileParams, Limits, Output, Raw, SinkType, StdoutParams, UnixSocketParams};
use super::reading::{Reading, Typed, Value};
use super::values::{Count, Size};
use super::{Config, Place};
use crate::output::{
    Compression, FileConfig, Filter, OutputConfig, Rotation, SinkConfig, SpoolConfig,
    UnixSocketConfig,
};
use crate::sensor::{Clients, Limits as SensorLimits, PortSet, Settings};

/// The configuration that `raw` means; mistakes are noted in `reading`.
pub(super) fn resolve(raw: Raw, reading: &mut Reading) -> Config {
    let default = Config::default();
    let core = raw.core.map(|typed| typed.value).unwrap_or_default();
    let limits = raw.limits.map(|typed| typed.value).unwrap_or_default();
    let outputs = match raw.outputs {
        None => default.outputs,
        Some(outputs) => resolve_outputs(outputs.value.0, outputs.place, reading),
    };
    let settings = settings(&core, &limits, reading);
    Config {
        interfaces: interfaces(&core, reading).unwrap_or(default.interfaces),
        backend: or(&core.backend, default.backend),
        promiscuous: or(&core.promiscuous, default.promiscuous),
        log_level: or(&core.log_level, default.log_level),
        settings,
        outputs,
        // An empty one is how a template says "none".
        bpf_filter: core
            .bpf_filter
            .map(|typed| typed.value)
            .filter(|filter| !filter.trim().is_empty()),
    }
}

fn or<T: Copy>(typed: &Option<Typed<T>>, default: T) -> T {
    typed.as_ref().map_or(default, |typed| typed.value)
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

fn resolve_outputs(
    outputs: Vec<(usize, Typed<Output>)>,
    place: Place,
    reading: &mut Reading,
) -> Vec<OutputConfig> {
    if !outputs.iter().any(|(_, output)| or(&output.value.enabled, true)) {
        reading.note_at("outputs", place, "found no enabled output", "at least one");
    }
    let mut resolved: Vec<OutputConfig> = Vec::new();
    for (i, output) in outputs {
        let key = format!("outputs[{i}]");
        let config = reading.under(key.clone(), |reading| resolve_output(&output, reading));
        let Some(config) = config.filter(|_| or(&output.value.enabled, true)) else { continue };
        if resolved.iter().any(|other| other.name == config.name) {
            let wrong = format!("another output is also called {:?}", config.name);
            reading.note_at(&key, output.place, &wrong, "a name of its own");
        }
        resolved.push(config);
    }
    resolved
}

fn resolve_output(output: &Typed<Output>, reading: &mut Reading) -> Option<OutputConfig> {
    let Typed { value: output, place } = output;
    let Some(kind) = &output.r#type else {
        reading.note_missing("type", *place, &SinkType::allowed());
        return None;
    };
    let (sink, name) = match kind.value {
        SinkType::Stdout => {
            let _: StdoutParams = params(output, reading);
            (SinkConfig::Stdout, "stdout".to_owned())
        }
        SinkType::File => file(&params(output, reading), *place, reading)?,
        SinkType::UnixSocket => unix_socket(&params(output, reading), *place, reading)?,
    };
    let mut config = OutputConfig::new(sink);
    config.name = output.name.as_ref().map_or(name, |typed| typed.value.clone());
    config.queue = output.queue.as_ref().map_or(config.queue, |typed| fit(typed.value.0));
    config.format = or(&output.format, config.format);
    if let Some(sample) = &output.sample {
        config.sample = u32::try_from(sample.value.0).unwrap_or(u32::MAX);
    }
    if let Some(Typed { value: filter, .. }) = &output.filter {
        let names = |list: &Typed<Vec<Field>>| list.value.iter().map(|field| field.0).collect();
        config.filter = Filter {
            ports: filter.ports.as_ref().map(|typed| port_set(&typed.value)),
            fields: filter.fields.as_ref().map(names),
        };
    }
    Some(config)
}

/// The parameters of an output, now that its type is known.
fn params<T: Value + Default>(output: &Output, reading: &mut Reading) -> T {
    let Some(typed) = &output.params else { return T::default() };
    reading
        .under(reading.step("params"), |reading| T::read(&typed.value, reading))
        .unwrap_or_default()
}

/// A path that must be there.
fn required(
    path: &Option<Typed<PathBuf>>,
    key: &str,
    place: Place,
    reading: &mut Reading,
) -> Option<PathBuf> {
    if path.is_none() {
        reading.note_missing(key, place, "a path");
    }
    path.as_ref().map(|typed| typed.value.clone())
}

fn file(params: &FileParams, place: Place, reading: &mut Reading) -> Option<(SinkConfig, String)> {
    let path = required(&params.path, "params.path", place, reading)?;
    let name = format!("file:{}", path.display());
    let keep = |keep: &Typed<Count<1, 10_000>>| u32::try_from(keep.value.0).unwrap_or(u32::MAX);
    let default = FileConfig::new(path);
    let sink = SinkConfig::File(FileConfig {
        flush_interval: or(&params.flush_interval, default.flush_interval),
        rotation: Rotation {
            size: params.rotate_size.as_ref().map(|typed| typed.value.0),
            age: params.rotate_age.as_ref().map(|typed| typed.value),
            keep: params.rotate_keep.as_ref().map_or(Rotation::KEEP, keep),
            compression: or(&params.compression, Compression::default()),
        },
        ..default
    });
    Some((sink, name))
}

fn unix_socket(
    params: &UnixSocketParams,
    place: Place,
    reading: &mut Reading,
) -> Option<(SinkConfig, String)> {
    if let (Some(size), None) = (&params.spool_size, &params.spool_dir) {
        reading.note_at("params.spool_size", size.place, "found it without spool_dir", "both");
    }
    let path = required(&params.socket_path, "params.socket_path", place, reading)?;
    let name = format!("unix_socket:{}", path.display());
    let default = UnixSocketConfig::new(path);
    let sink = SinkConfig::UnixSocket(UnixSocketConfig {
        socket_type: or(&params.socket_type, default.socket_type),
        spool: params.spool_dir.as_ref().map(|typed| SpoolConfig {
            directory: typed.value.clone(),
            size: params.spool_size.as_ref().map_or(SpoolConfig::SIZE, |size| size.value.0),
        }),
        ..default
    });
    Some((sink, name))
}
