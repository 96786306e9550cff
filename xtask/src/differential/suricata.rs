//! Suricata's side.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ja4sentinel_tests::chroot::Program;
use ja4sentinel_tests::process::{Process, wait_until};
use serde::Deserialize;

use super::deviations::{FIRST_ONLY, NOT_AT_START, SPLIT_RECORDS, SURICATA};
use super::hellos::{Hello, Own, Seen, Tuple};
use super::pairing::{self, Finding, Verdict};
use crate::{process, workspace};

/// How long it may take over one capture.
const DEADLINE: Duration = Duration::from_secs(600);

/// Suricata's TLS log waits for a whole handshake, which a capture of hellos does not hold. A rule
/// that any JA4 satisfies makes an alert of each hello instead, with its fingerprints. Ports: its
/// patterns find TLS on any, the list is for a further guess.
const CONFIGURATION: &str = "\
%YAML 1.1
---
stats: {enabled: no}
outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types:
        - alert: {metadata: {app-layer: true}}
        - flow
logging:
  default-log-level: warning
  outputs: [{console: {enabled: yes}}]
app-layer:
  protocols:
    tls: {enabled: yes, detection-ports: {dp: 443}, ja3-fingerprints: yes, ja4-fingerprints: yes}
stream:
  checksum-validation: no
  midstream: true
  reassembly: {depth: 0}
";
const RULE: &str =
    "alert tls any any -> any any (msg:\"hello\"; ja4.hash; content:\"_\"; sid:1;)\n";

/// A Suricata that knows JA4.
pub(crate) struct Suricata(Program);

/// What it makes of one capture.
#[derive(Debug, Default)]
pub(super) struct Capture {
    hellos: Vec<(Tuple, Seen)>,
    /// What it takes each connection for.
    protocols: BTreeMap<Tuple, String>,
}

/// A line of its log.
#[derive(Debug, Deserialize)]
struct Event {
    event_type: String,
    proto: String,
    src_ip: String,
    #[serde(default)]
    src_port: u16,
    dest_ip: String,
    #[serde(default)]
    dest_port: u16,
    app_proto: Option<String>,
    tls: Option<Tls>,
}

#[derive(Debug, Deserialize)]
struct Tls {
    sni: Option<String>,
    ja3: Option<Ja3>,
    #[serde(default)]
    ja4: String,
}

#[derive(Debug, Deserialize)]
struct Ja3 {
    string: String,
}

impl Suricata {
    /// The system's own when it knows JA4, else that of `cargo xtask setup`.
    pub(crate) fn find() -> Option<Self> {
        let knows_ja4 = |program: &Path| {
            process::output(Command::new(program).arg("--build-info"))
                .is_ok_and(|said| said.contains("HAVE_JA4"))
        };
        Program::find("suricata", knows_ja4).map(Self)
    }

    /// The program itself.
    pub(crate) fn program(&self) -> &Program {
        &self.0
    }

    /// Its version, as it prints it.
    pub(crate) fn version(&self) -> Result<String> {
        let said = process::output(self.0.command().arg("-V"))?;
        Ok(said.trim().trim_start_matches("This is ").to_owned())
    }

    pub(super) fn read(&self, capture: &Path) -> Result<Capture> {
        let (here, there) = self.0.exchange(&workspace::target(), "ja4sentinel-differential")?;
        fs::write(here.join("suricata.yaml"), CONFIGURATION)?;
        fs::write(here.join("hello.rules"), RULE)?;
        fs::copy(capture, here.join("capture"))
            .with_context(|| format!("cannot copy {}", capture.display()))?;
        let mut command = self.0.command();
        command.arg("-c").arg(there.join("suricata.yaml"));
        command.arg("-S").arg(there.join("hello.rules"));
        command.arg("-r").arg(there.join("capture")).arg("-l").arg(&there);
        command.args(["--runmode", "single", "-k", "none"]);
        run(&mut command)?;
        let log = fs::read_to_string(here.join("eve.json")).context("it has left no log")?;
        fs::remove_dir_all(&here)?;
        let mut read = Capture::default();
        for line in log.lines() {
            let event: Event =
                serde_json::from_str(line).with_context(|| format!("no event: {line}"))?;
            read.take(event)?;
        }
        Ok(read)
    }
}

/// Runs it to its end. It does not end by itself over a capture that it cannot read.
fn run(command: &mut Command) -> Result<()> {
    let mut process = Process::spawn(command)?;
    let gives_up = |process: &Process| process.stderr().contains("Failed to init pcap file");
    wait_until(DEADLINE, || gives_up(&process) || !process.is_running());
    if process.is_running() {
        bail!("{}", process.stderr().lines().next().unwrap_or("it does not end"));
    }
    let finished = process.finish(DEADLINE);
    if !finished.success() {
        bail!("{}", finished.stderr.lines().next().unwrap_or("it failed and did not say why"));
    }
    Ok(())
}

impl Capture {
    fn take(&mut self, event: Event) -> Result<()> {
        if event.proto != "TCP" {
            return Ok(());
        }
        let (client, server) =
            ((&*event.src_ip, event.src_port), (&*event.dest_ip, event.dest_port));
        let tuple = Tuple::new(client, server)?;
        match (&*event.event_type, event.tls) {
            ("alert", Some(tls)) => {
                let seen = Seen {
                    ja4: tls.ja4,
                    ja3: tls.ja3.map(|ja3| ja3.string).unwrap_or_default(),
                    server_name: tls.sni,
                    ..Seen::default()
                };
                self.hellos.push((tuple, seen));
            }
            ("flow", _) => {
                let protocol = event.app_proto.unwrap_or_else(|| "nothing".to_owned());
                // Of several connections with the same ends one may have been TLS.
                if self.protocols.get(&tuple).is_none_or(|other| other != "tls") {
                    self.protocols.insert(tuple, protocol);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn compare(&self, own: &Own) -> Vec<Finding> {
        let absent = |tuple: &Tuple, hello: &Hello, has_other| self.absent(tuple, hello, has_other);
        pairing::compare(SURICATA, own, &self.hellos, absent, |_, _| {})
    }

    fn absent(&self, tuple: &Tuple, hello: &Hello, has_other: bool) -> Verdict {
        let protocols = [*tuple, tuple.reversed()];
        let protocol = protocols.iter().find_map(|tuple| self.protocols.get(tuple));
        match protocol.map(String::as_str) {
            _ if hello.has_oddity("starttls") || hello.has_oddity("late_hello") => {
                Verdict::Differs(vec![&NOT_AT_START])
            }
            None => Verdict::NotCompared("no such connection".to_owned()),
            Some("tls") if has_other => Verdict::Differs(vec![&FIRST_ONLY]),
            Some("tls") if hello.has_oddity("split_records") => {
                Verdict::Differs(vec![&SPLIT_RECORDS])
            }
            Some("tls") => Verdict::Unexplained(format!("we have {}, they none", hello.record.ja4)),
            Some(other) => Verdict::NotCompared(format!("taken for {other}")),
        }
    }
}
