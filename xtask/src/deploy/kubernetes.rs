//! The Kubernetes manifests, against Kubernetes's own schema and against what we promise of them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::capabilities;
use crate::setup::KUBERNETES_VALIDATE;
use crate::{process, workspace};

/// The manifests, below the root.
const FOLDER: &str = "deploy/kubernetes";
/// The oldest version that the manifests are for: the first with sidecars that start before what
/// they serve, by default. The validator's newest is tried, too.
const OLDEST: &str = "1.29.0";
/// What our containers are called.
const NAME: &str = "ja4sentinel";

/// The questions that the kubelet asks.
const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];

/// Checks every manifest.
pub(super) fn check() -> Result<()> {
    let agent = workspace::build_agent()?;
    let capabilities = capabilities()?;
    for path in manifests()? {
        let mut validate = Command::new(KUBERNETES_VALIDATE.program());
        process::output(validate.args(["--strict", "--quiet"]).arg(&path))?;
        let mut validate = Command::new(KUBERNETES_VALIDATE.program());
        validate.args(["--strict", "--quiet", "--kubernetes-version", OLDEST]);
        process::output(validate.arg(&path))?;

        let mut containers = 0;
        for document in documents(&path)? {
            configurations(&document, &agent)?;
            for container in containers_of(&document) {
                promises(container, &capabilities)
                    .and_then(|()| commands(container, &agent))
                    .with_context(|| format!("a container in {}", path.display()))?;
                containers += 1;
            }
        }
        ensure!(containers == 1, "{} has {containers} containers of ours", path.display());
        println!("{}: fits the schemas, and does what we promise", path.display());
    }
    Ok(())
}

fn manifests() -> Result<Vec<PathBuf>> {
    let folder = workspace::root().join(FOLDER);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            paths.push(path);
        }
    }
    ensure!(!paths.is_empty(), "no manifest in {}", folder.display());
    paths.sort_unstable();
    Ok(paths)
}

fn documents(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    serde_yaml::from_multiple(&text).with_context(|| format!("cannot read {}", path.display()))
}

/// Each configuration in a ConfigMap must be one that the agent takes.
fn configurations(document: &Value, agent: &Path) -> Result<()> {
    if document["kind"] != "ConfigMap" {
        return Ok(());
    }
    let file = workspace::target().join("kubernetes.yml");
    for text in document["data"].as_object().into_iter().flatten().map(|(_, text)| text) {
        std::fs::write(&file, text.as_str().context("a configuration is no text")?)?;
        process::output(Command::new(agent).args(["check", "--config"]).arg(&file))?;
    }
    Ok(())
}

/// Our containers, wherever they stand: a native sidecar is an init container.
fn containers_of(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(containers_of).collect(),
        Value::Object(map) if map.contains_key("image") && value["name"] == NAME => vec![value],
        Value::Object(map) => map.values().flat_map(containers_of).collect(),
        _ => Vec::new(),
    }
}

/// The least privilege, probes, limits, and this version.
fn promises(container: &Value, capabilities: &[String]) -> Result<()> {
    let image = container["image"].as_str().unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    ensure!(image.ends_with(&format!(":{version}")), "the image is {image}, not {version}");

    let security = &container["securityContext"];
    let changed = |key: &str| -> Result<Vec<String>> {
        let names = container.pointer(&format!("/securityContext/capabilities/{key}"));
        Ok(serde_json::from_value(names.cloned().unwrap_or_default())?)
    };
    ensure!(changed("drop")? == ["ALL"], "not all capabilities are dropped");
    let mut added = changed("add")?;
    // Kubernetes leaves out what every name begins with.
    let without = |name: &String| name.trim_start_matches("CAP_").to_owned();
    let mut wanted: Vec<String> = capabilities.iter().map(without).collect();
    added.sort_unstable();
    wanted.sort_unstable();
    ensure!(added == wanted, "it gets {added:?}, and the service {wanted:?}");
    ensure!(security.get("privileged").is_none(), "it is privileged");
    ensure!(security["allowPrivilegeEscalation"] == false, "privileges may grow");
    ensure!(security["readOnlyRootFilesystem"] == true, "its root can be written");

    for probe in PROBES {
        ensure!(container.get(probe).is_some_and(Value::is_object), "it has no {probe}");
    }
    for amount in ["requests/cpu", "requests/memory", "limits/cpu", "limits/memory"] {
        let value = container.pointer(&format!("/resources/{amount}"));
        ensure!(value.is_some_and(Value::is_string), "it has no {amount}");
    }
    Ok(())
}

/// Commands that the container and its probes run must be ones that the agent has.
fn commands(container: &Value, agent: &Path) -> Result<()> {
    let probes = PROBES.map(|probe| container.get(probe)?.pointer("/exec/command"));
    for command in probes.into_iter().flatten() {
        let words: Vec<String> = serde_json::from_value(command.clone())?;
        let (program, arguments) = words.split_first().context("an empty command")?;
        ensure!(program == "/ja4sentinel", "the image has no {program}");
        process::output(Command::new(agent).args(arguments).arg("--help"))?;
    }
    let arguments: Vec<String> = serde_json::from_value(container["args"].clone())?;
    process::output(Command::new(agent).args(arguments).arg("--help")).map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container() -> Value {
        json!({
            "name": NAME,
            "image": format!("registry/ja4sentinel:{}", env!("CARGO_PKG_VERSION")),
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"], "add": ["NET_RAW", "BPF"] },
            },
            "startupProbe": {}, "readinessProbe": {}, "livenessProbe": {},
            "resources": {
                "requests": { "cpu": "1", "memory": "1Mi" },
                "limits": { "cpu": "1", "memory": "1Mi" },
            },
        })
    }

    #[test]
    fn each_broken_promise_is_found() {
        let capabilities = ["CAP_BPF".to_owned(), "CAP_NET_RAW".to_owned()];
        promises(&container(), &capabilities).unwrap();
        let broken: [(&str, Value); 6] = [
            ("/image", json!("registry/ja4sentinel:latest")),
            ("/securityContext/capabilities/add", json!(["BPF", "NET_RAW", "SYS_ADMIN"])),
            ("/securityContext/capabilities/drop", json!([])),
            ("/securityContext/readOnlyRootFilesystem", json!(false)),
            ("/livenessProbe", Value::Null),
            ("/resources/limits/memory", Value::Null),
        ];
        for (place, value) in broken {
            let mut container = container();
            *container.pointer_mut(place).unwrap() = value;
            assert!(promises(&container, &capabilities).is_err(), "{place}");
        }
        let mut container = container();
        container["securityContext"]["privileged"] = json!(true);
        assert!(promises(&container, &capabilities).is_err());
    }

    #[test]
    fn our_containers_are_found_at_any_depth() {
        let pod = json!({ "spec": {
            "initContainers": [{ "name": NAME, "image": "x" }],
            "containers": [{ "name": "web", "image": "y" }],
        } });
        assert_eq!(containers_of(&pod).len(), 1);
    }
}
