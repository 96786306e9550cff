//! The example configuration and the JSON Schema under deploy/ say what the program does.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where it goes wrong"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ja4sentinel::config::{self, Config, Overrides, VARIABLES};
use serde_json::Value;

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/config").join(name)
}

fn example() -> String {
    std::fs::read_to_string(deploy("ja4sentinel.yml")).unwrap()
}

/// The example with every key that stands behind a `#`.
fn uncommented() -> String {
    let line = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(key) if !key.starts_with(' ') => line.replacen('#', "", 1) + "\n",
        _ => line.to_owned() + "\n",
    };
    example().lines().map(line).collect()
}

fn load(text: &str) -> Config {
    Config::load(Some((Path::new("example"), text)), &|_| None, &Overrides::default())
        .unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn schema() -> Value {
    serde_json::from_str(&config::schema()).unwrap()
}

/// Every key below a schema with its default, as `core.interface` or `outputs.file.path`.
fn keys(schema: &Value, path: &str, found: &mut Vec<(String, Option<Value>)>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let key = format!("{path}{name}");
        if let Some(items) = schema.get("items").filter(|items| items.get("properties").is_some()) {
            keys(items, &format!("{key}."), found);
            for branch in items["allOf"].as_array().unwrap() {
                let kind = branch["if"]["properties"]["type"]["const"].as_str().unwrap();
                let params = &branch["then"]["properties"]["params"];
                keys(params, &format!("{key}.{kind}."), found);
            }
        } else if schema.get("properties").is_some() {
            keys(schema, &format!("{key}."), found);
        } else {
            found.push((key, schema.get("default").cloned()));
        }
    }
}

fn all_keys() -> Vec<(String, Option<Value>)> {
    let mut found = Vec::new();
    keys(&schema(), "", &mut found);
    found.retain(|(key, _)| key != "outputs.params"); // those of each type follow
    assert!(found.len() > 45, "{}", found.len());
    found
}

/// Every key of a document with its value, named as by [`keys`].
fn typed_keys() -> Vec<(String, Value)> {
    let document: Value = serde_yaml::from_str(&uncommented()).unwrap();
    let mut found = Vec::new();
    for (section, value) in document.as_object().unwrap() {
        if section != "outputs" {
            flatten(value, &format!("{section}."), &mut found);
            continue;
        }
        for output in value.as_array().unwrap() {
            let mut output = output.clone();
            let kind = output["type"].as_str().unwrap().to_owned();
            if let Some(params) = output.as_object_mut().unwrap().remove("params") {
                flatten(&params, &format!("outputs.{kind}."), &mut found);
            }
            flatten(&output, "outputs.", &mut found);
        }
    }
    found
}

fn flatten(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| match value {
            Value::Object(_) => flatten(value, &format!("{path}{name}."), found),
            _ => found.push((format!("{path}{name}"), value.clone())),
        }),
        other => panic!("{path}: {other}"),
    }
}

#[test]
fn the_example_as_it_stands_is_the_default() {
    assert_eq!(load(&example()), Config::default());
}

#[test]
fn the_example_is_complete_and_right_in_every_line() {
    let config = load(&uncommented());
    assert_eq!(config.outputs.len(), 6, "{:?}", config.outputs);
    let documented: BTreeSet<String> = typed_keys().into_iter().map(|(key, _)| key).collect();
    let known: BTreeSet<String> = all_keys().into_iter().map(|(key, _)| key).collect();
    assert_eq!(documented, known);
    for (variable, key) in VARIABLES {
        assert!(example().contains(variable), "{variable} is not mentioned");
        assert!(known.contains(&format!("core.{key}")), "{key}");
    }
}

#[test]
fn the_defaults_in_the_example_are_those_of_the_schema() {
    let defaults = all_keys();
    // What an example is for: these show another value, or one key for several outputs.
    let shown = ["outputs.type", "outputs.tcp.tls", "outputs.syslog.transport"];
    for (key, value) in typed_keys() {
        let (_, default) = defaults.iter().find(|(other, _)| *other == key).unwrap();
        if let Some(default) = default
            && !shown.contains(&key.as_str())
        {
            assert_eq!(&value, default, "{key}");
        }
    }
}

/// A document of the defaults alone; `required` are the keys that each type of output needs.
fn document(with_defaults: bool) -> Value {
    let required = [
        ("stdout", None),
        ("file", Some(("path", "/a"))),
        ("unix_socket", Some(("socket_path", "/b"))),
        ("tcp", Some(("address", "host:1"))),
        ("syslog", None),
    ];
    // These have no meaning unless another key is set.
    let dependent = ["rotate_keep", "compression", "spool_size"];
    let mut document = serde_json::json!({ "outputs": [] });
    let defaults = if with_defaults { all_keys() } else { Vec::new() };
    for (kind, required) in required {
        let mut output = serde_json::json!({ "type": kind, "params": {} });
        if let Some((key, value)) = required {
            output["params"][key] = value.into();
        }
        for (key, default) in defaults.iter().filter_map(|(k, d)| Some((k, d.clone()?))) {
            if let Some(key) = key.strip_prefix(&format!("outputs.{kind}.")) {
                if !dependent.contains(&key) {
                    output["params"][key] = default;
                }
            } else if let Some(key) = key.strip_prefix("outputs.").filter(|k| !k.contains('.')) {
                output[key] = default;
            }
        }
        document["outputs"].as_array_mut().unwrap().push(output);
    }
    for (key, default) in defaults.into_iter().filter_map(|(key, default)| Some((key, default?))) {
        if let Some((section, key)) = key.split_once('.').filter(|(s, _)| *s != "outputs") {
            document[section][key] = default;
        }
    }
    document
}

#[test]
fn the_defaults_in_the_schema_are_those_of_the_program() {
    let (typed, silent) = (document(true), document(false));
    assert!(typed["core"].as_object().unwrap().len() > 8, "{typed}");
    // JSON is YAML.
    assert_eq!(load(&typed.to_string()), load(&silent.to_string()));
    let config = load(&typed.to_string());
    let default = Config { outputs: config.outputs.clone(), ..Config::default() };
    assert_eq!(config, default);
}

#[test]
fn the_committed_schema_is_that_of_the_program() {
    let path = deploy("ja4sentinel.schema.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == config::schema(),
        "{} is not up to date: ja4sentinel schema > {0}",
        path.display()
    );
}
