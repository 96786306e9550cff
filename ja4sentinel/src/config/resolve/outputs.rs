//! What was typed about outputs to what is meant.

use super::super::Place;
use super::super::lists::Field;
use super::super::raw::{Output, SinkType};
use super::super::reading::{Reading, Typed, Value};
use super::{fit, or, port_set, sinks};
use crate::output::{Filter, OutputConfig};

/// The enabled outputs; those that are not are judged all the same.
pub(super) fn resolve(
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
        let config = reading.under(key.clone(), |reading| one(&output, reading));
        let Some(config) = config.filter(|_| or(&output.value.enabled, true)) else { continue };
        if resolved.iter().any(|other| other.name == config.name) {
            let wrong = format!("another output is also called {:?}", config.name);
            reading.note_at(&key, output.place, &wrong, "a name of its own");
        }
        let spools = || resolved.iter().filter_map(|other| other.sink.spool());
        if let Some(spool) = config.sink.spool()
            && spools().any(|other| other.directory == spool.directory)
        {
            let key = format!("{key}.params.spool_dir");
            let wrong = "another output uses this directory";
            reading.note_at(&key, output.place, wrong, "a directory of its own");
        }
        resolved.push(config);
    }
    resolved
}

fn one(output: &Typed<Output>, reading: &mut Reading) -> Option<OutputConfig> {
    let Typed { value: output, place } = output;
    let Some(kind) = &output.r#type else {
        reading.note_missing("type", *place, &SinkType::allowed());
        return None;
    };
    let (sink, name) = sinks::resolve(kind.value, &output.params, *place, reading)?;
    let mut config = OutputConfig::new(sink);
    config.name = output.name.as_ref().map_or(name, |typed| typed.value.clone());
    config.queue = output.queue.as_ref().map_or(config.queue, |typed| fit(typed.value.0));
    config.queue_bytes =
        output.queue_bytes.as_ref().map_or(config.queue_bytes, |typed| typed.value.0);
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
