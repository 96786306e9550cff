//! The software bill of materials: what is linked into the program, in CycloneDX 1.5 JSON
//! (<https://cyclonedx.org/docs/1.5/json/>).

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::crates::{Crate, Id, Linked};
use super::release::Release;
use crate::{process, workspace};

/// The document's text. The same sources and tools give the same text.
pub(super) fn write(release: &Release) -> Result<String> {
    let linked = Linked::find()?;
    let checksums = checksums()?;
    let program = std::fs::read(&release.agent)?;
    let (agents, crates): (Vec<_>, _) =
        linked.crates.iter().partition(|one| one.id().0 == "ja4sentinel");
    let agent = agents.first().context("cargo does not name the agent")?;
    let libraries = c_libraries(&program)?;

    let component = |one: &&Crate| library(one, checksums.get(&one.id()).cloned());
    let mut components: Vec<Component> = crates.iter().map(component).collect();
    components.extend(libraries.iter().cloned());
    let root =
        Component { kind: "application", ..library(agent, Some(hex(&Sha256::digest(&program)))) };

    // The agent holds the kernel program and the C libraries, beside the crates that it calls.
    let kernel = linked.calls.keys().filter(|id| id.0 == "ja4sentinel-ebpf").map(reference);
    let held: Vec<String> = kernel.chain(libraries.iter().map(|one| one.purl.clone())).collect();
    let mut dependencies = Vec::new();
    for (id, calls) in &linked.calls {
        let mut on: Vec<String> = calls.iter().map(reference).collect();
        if *id == agent.id() {
            on.extend(held.iter().cloned());
        }
        dependencies.push(json!({ "ref": reference(id), "dependsOn": on }));
    }
    dependencies.extend(libraries.iter().map(|one| json!({ "ref": one.purl })));

    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "timestamp": time()?, "component": root },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// One part of the program.
#[derive(Serialize, Clone, Default)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same as `purl`.
    #[serde(rename = "bom-ref")]
    reference: String,
    name: String,
    version: String,
    /// Package URL.
    purl: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Value>,
    #[serde(rename = "externalReferences", skip_serializing_if = "Vec::is_empty")]
    references: Vec<Value>,
}

fn library(one: &Crate, sha256: Option<String>) -> Component {
    let purl = reference(&one.id());
    let (name, version) = one.id();
    // Older crates separate alternatives by a slash.
    let licence = one.license.iter().map(|text| json!({ "expression": text.replace('/', " OR ") }));
    let home = one.repository.iter().map(|url| json!({ "type": "vcs", "url": url }));
    Component {
        kind: "library",
        reference: purl.clone(),
        name,
        version,
        purl,
        licenses: licence.collect(),
        hashes: sha256.map(|sum| json!({ "alg": "SHA-256", "content": sum })).into_iter().collect(),
        references: home.collect(),
    }
}

/// The crate as a package URL.
fn reference((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{version}")
}

/// What is linked in and is no crate.
fn c_libraries(program: &[u8]) -> Result<Vec<Component>> {
    let glibc = process::output(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
    let glibc = glibc.split_whitespace().last().context("getconf names no version")?;
    let rustc = process::output(Command::new("rustc").arg("--version"))?;
    let rustc = rustc.split_whitespace().nth(1).context("rustc names no version")?;
    let libpcap = libpcap_version(program).context("the program does not name its libpcap")?;
    let one = |name: &str, version: &str, licence| {
        let purl = format!("pkg:generic/{name}@{version}");
        Component {
            kind: "library",
            reference: purl.clone(),
            name: name.to_owned(),
            version: version.to_owned(),
            purl,
            licenses: vec![json!({ "expression": licence })],
            ..Component::default()
        }
    };
    Ok(vec![
        one("glibc", glibc, "LGPL-2.1-or-later"),
        one("libpcap", &libpcap, "BSD-3-Clause"),
        one("rust-std", rustc, "MIT OR Apache-2.0"),
    ])
}

/// The version in the text that libpcap has for `pcap_lib_version`.
fn libpcap_version(program: &[u8]) -> Option<String> {
    const BEFORE: &[u8] = b"libpcap version ";
    let mut found = program.windows(BEFORE.len()).enumerate().filter(|(_, at)| *at == BEFORE);
    found.find_map(|(at, _)| {
        let rest = program.get(at + BEFORE.len()..)?;
        let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        let version: Vec<u8> = rest.iter().take_while(is_part).copied().collect();
        String::from_utf8(version).ok().filter(|version| !version.is_empty())
    })
}

/// The checksums that Cargo.lock holds.
fn checksums() -> Result<BTreeMap<Id, String>> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        checksum: Option<String>,
    }
    let text = std::fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    let lock: Lock = toml::from_str(&text).context("Cargo.lock is not as expected")?;
    let entry = |package: Package| Some(((package.name, package.version), package.checksum?));
    Ok(lock.package.into_iter().filter_map(entry).collect())
}

/// The time of the commit, as RFC 3339 has it.
fn time() -> Result<String> {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).env("TZ", "UTC");
    git.args(["log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"]);
    Ok(process::output(&mut git)?.trim().to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpcap_says_which_it_is() {
        let program = b"\0libpcap version \0x\0libpcap version 1.10.3 (with TPACKET_V3)\0";
        assert_eq!(libpcap_version(program).unwrap(), "1.10.3");
        assert_eq!(libpcap_version(b"libpcap"), None);
    }

    #[test]
    fn every_crate_of_others_has_its_checksum() {
        let checksums = checksums().unwrap();
        let linked = Linked::find().unwrap();
        assert!(linked.crates.len() > 50, "{}", linked.crates.len());
        for one in linked.crates.iter().filter(|one| one.source.is_some()) {
            assert!(checksums.contains_key(&one.id()), "{:?}", one.id());
        }
        let names: Vec<String> = linked.crates.iter().map(|one| one.id().0).collect();
        assert!(names.contains(&"aya-ebpf".to_owned()), "{names:?}");
        assert!(!names.contains(&"serde_derive".to_owned()), "{names:?}");
    }
}
