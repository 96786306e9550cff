//! The programs that are measured beside the agent.

mod build;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use ja4sentinel_tests::chroot::Program;
use ja4sentinel_tests::tshark::Tshark;

use crate::differential::Suricata;
use crate::{process, workspace};
pub(super) use build::build;
use build::{GOPACKET_PROGRAM, HUGINN_MANIFEST, HUGINN_PROGRAM, LOOP_PROGRAM};

/// Suricata as a reader of TLS alone, with memory enough not to lose anything.
const SURICATA: &str = "\
%YAML 1.1
---
stats: {enabled: no}
outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types:
        - tls: {custom: [sni, version, ja3, ja4]}
logging:
  default-log-level: error
  outputs: [{console: {enabled: yes}}]
app-layer:
  protocols:
    tls: {enabled: yes, detection-ports: {dp: 443}, ja3-fingerprints: yes, ja4-fingerprints: yes}
flow: {memcap: 2gb, hash-size: 262144, prealloc: 50000}
stream:
  memcap: 2gb
  checksum-validation: no
  midstream: true
  reassembly: {memcap: 2gb, depth: 1mb}
threading: {set-cpu-affinity: no}
";

/// What this machine has of them.
pub(super) struct Rivals {
    pub(super) bare_loop: PathBuf,
    pub(super) tshark: Option<Tshark>,
    pub(super) suricata: Option<Suricata>,
    pub(super) huginn: Option<PathBuf>,
    pub(super) gopacket: Option<PathBuf>,
}

impl Rivals {
    /// Finds them.
    pub(super) fn find(folder: &Path) -> Self {
        let built = |path: PathBuf| Some(path).filter(|path| path.is_file());
        Self {
            bare_loop: folder.join(LOOP_PROGRAM),
            tshark: Tshark::find(),
            suricata: Suricata::find(),
            huginn: built(folder.join(HUGINN_PROGRAM)),
            gopacket: built(folder.join(GOPACKET_PROGRAM)),
        }
    }

    /// Their names and versions, and those that are missing.
    pub(super) fn versions(&self) -> Vec<String> {
        let absent = |name: &str| format!("{name} absent");
        let said = |version: Option<Result<String>>, name: &str| {
            version.and_then(Result::ok).unwrap_or_else(|| absent(name))
        };
        let of_driver = |built: &Option<PathBuf>, name: &str, version: &str| {
            if built.is_some() { format!("{name} {version}") } else { absent(name) }
        };
        vec![
            said(self.tshark.as_ref().map(Tshark::version), "tshark"),
            said(self.suricata.as_ref().map(Suricata::version), "Suricata"),
            of_driver(&self.huginn, "huginn-net-tls", huginn_version()),
            of_driver(
                &self.gopacket,
                "gopacket",
                &package_version("golang-github-google-gopacket-dev"),
            ),
            format!("tcpdump {}", package_version("tcpdump")),
        ]
    }
}

impl Rivals {
    /// A folder that Suricata sees, with its configuration: as we name it, and as it does.
    pub(super) fn suricata_folder(program: &Program, name: &str) -> Result<(PathBuf, PathBuf)> {
        let (here, there) = program.exchange(&workspace::target().join("bench"), name)?;
        fs::write(here.join("suricata.yaml"), SURICATA)?;
        Ok((here, there))
    }
}

fn huginn_version() -> &'static str {
    let behind = HUGINN_MANIFEST.split_once("version = \"=").map_or("", |(_, behind)| behind);
    behind.split('"').next().unwrap_or_default()
}

fn package_version(package: &str) -> String {
    let mut query = Command::new("dpkg-query");
    let said = process::output(query.args(["--show", "--showformat=${Version}", package]));
    said.unwrap_or_else(|_| "of this system".to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_crates_version_is_that_of_its_manifest() {
        assert!(super::huginn_version().starts_with(|first: char| first.is_ascii_digit()));
    }
}
