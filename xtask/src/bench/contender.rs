//! A program that reads a capture file, ready to be run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use ja4sentinel_tests::chroot::Program;
use ja4sentinel_tests::process::find_program;

use super::output::{Format, TSHARK_FIELDS};
use super::rivals::Rivals;

/// How the agent is called in the table.
pub(super) const AGENT: &str = "ja4sentinel";
/// The agent, with the file shared among two threads.
pub(super) const TWO_WORKERS: &str = "ja4sentinel, two workers";
/// What the others are measured by.
pub(super) const BARE_LOOP: &str = "bare libpcap loop";

/// A command with what goes in and comes out.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) command: Command,
    pub(super) stdin: Option<PathBuf>,
    pub(super) output: Option<Output>,
}

/// Where its hellos are found.
pub(super) struct Output {
    pub(super) format: Format,
    pub(super) path: PathBuf,
    /// Whether it is its standard output.
    pub(super) is_stdout: bool,
}

/// All that read this capture, the bare loop first. Their outputs go below `folder`.
pub(super) fn readers(
    agent: &Path,
    rivals: &Rivals,
    capture: &Path,
    folder: &Path,
) -> Result<Vec<Contender>> {
    let of = |name, program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(capture);
        Contender { name, command, stdin: None, output: None }
    };
    let printing = |mut contender: Contender, format| {
        let path = folder.join(format!("{}.out", contender.name));
        contender.output = Some(Output { format, path, is_stdout: true });
        contender
    };
    let tcpdump = find_program("tcpdump").context("no tcpdump")?;
    let mut copy = of("tcpdump, copying", &tcpdump, &["-n", "-w", "/dev/null", "-r"]);
    copy.command.arg("tcp");
    let mut all = vec![
        of(BARE_LOOP, &rivals.bare_loop, &[]),
        printing(of(AGENT, agent, &["read", "--ports", "any"]), Format::Records),
        printing(
            of(TWO_WORKERS, agent, &["read", "--ports", "any", "--workers", "2"]),
            Format::Records,
        ),
        copy,
    ];
    if let Some(program) = &rivals.gopacket {
        all.push(printing(of("gopacket", program, &[]), Format::Gopacket));
    }
    if let Some(program) = &rivals.huginn {
        all.push(printing(of("huginn-net-tls", program, &["file"]), Format::Huginn));
    }
    if let Some(suricata) = &rivals.suricata {
        all.push(self::suricata(suricata.program(), capture)?);
    }
    if let Some(tshark) = &rivals.tshark {
        let command = tshark.fields("tls.handshake.type == 1", &TSHARK_FIELDS);
        let stdin = Some(capture.to_owned());
        all.push(printing(
            Contender { name: "tshark", command, stdin, output: None },
            Format::Tshark,
        ));
    }
    Ok(all)
}

/// It may live in a root directory of its own, and then has to find the capture there.
fn suricata(program: &Program, capture: &Path) -> Result<Contender> {
    let (here, there) = Rivals::suricata_folder(program, "ja4sentinel-bench")?;
    let copy = here.join("capture");
    if std::fs::hard_link(capture, &copy).is_err() {
        std::fs::copy(capture, &copy).context("cannot copy the capture")?;
    }
    let mut command = program.command();
    command.arg("-c").arg(there.join("suricata.yaml")).args(["-S", "/dev/null", "-k", "none"]);
    command.args(["--runmode", "single", "-r"]).arg(there.join("capture")).arg("-l").arg(there);
    let path = here.join("eve.json");
    let output = Some(Output { format: Format::Eve, path, is_stdout: false });
    Ok(Contender { name: "Suricata", command, stdin: None, output })
}
