//! What watches the server's interface: the agent, a rival, or something that shows what watching
//! costs at the least.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ja4sentinel_tests::bpf_cost::EmptyClassifier;
use ja4sentinel_tests::netns::SERVER_INTERFACE;
use ja4sentinel_tests::process::{Process, wait_until};
use ja4sentinel_tests::usage;

pub(super) use super::kind::Kind;
use super::stage::Stage;
use crate::bench::Bench;
use crate::bench::output::{self, Format, TSHARK_FIELDS};
use crate::bench::rivals::Rivals;
use crate::bench::score::Print;

/// How long one may take to begin.
const READY: Duration = Duration::from_secs(60);
/// How long a sniffer that has begun is left alone: it may set itself up further.
const CALM: Duration = Duration::from_secs(1);
/// How long one may take to end after a signal: tshark has much to read then.
const END: Duration = Duration::from_secs(120);
/// Output has come to its end when there was none for so long. Some rivals write in bursts, and are
/// not to be cut off.
const STILL: Duration = Duration::from_millis(1_500);
const STILL_OF_RIVALS: Duration = Duration::from_secs(5);
/// How long it may go on coming.
const LATEST: Duration = Duration::from_secs(180);

/// One that is watching.
pub(super) struct Sniffer<'a> {
    kind: Kind,
    stage: &'a Stage,
    process: Option<Process>,
    output: Option<(Format, PathBuf)>,
    errors: PathBuf,
    /// What keeps a program attached that no process owns.
    link: Option<OwnedFd>,
}

impl<'a> Sniffer<'a> {
    /// Starts one, and waits until it watches.
    pub(super) fn start(bench: &Bench, stage: &'a Stage, kind: Kind) -> Result<Self> {
        let (out, errors) = (stage.file("sniffer.out"), stage.file("sniffer.err"));
        let mut sniffer = Self { kind, stage, process: None, output: None, errors, link: None };
        let interface = SERVER_INTERFACE;
        let tcpdump = |filter: &str| {
            let mut command = Command::new("tcpdump");
            command.args(["-n", "-i", interface, "-w", "/dev/null", filter]);
            command
        };
        let (command, format) = match kind {
            Kind::Nothing => return Ok(sniffer),
            Kind::Hook => {
                sniffer.hook()?;
                return Ok(sniffer);
            }
            Kind::Tcx => {
                sniffer.link = Some(bare(stage)?);
                return Ok(sniffer);
            }
            Kind::Socket => (tcpdump("tcp port 1"), None),
            Kind::Tcpdump => (tcpdump("tcp port 443"), None),
            Kind::Agent => {
                let mut command = Command::new(&bench.agent);
                command.args(["run", "--interface", interface, "--ports", "443"]);
                command.args(["--backend", "ebpf"]);
                (command, Some(Format::Records))
            }
            Kind::Huginn => {
                let program = bench.rivals.huginn.as_ref().context("no huginn-net-tls")?;
                let mut command = Command::new(program);
                command.args(["interface", interface]);
                (command, Some(Format::Huginn))
            }
            Kind::Tshark => {
                let tshark = bench.rivals.tshark.as_ref().context("no tshark")?;
                let mut command = tshark.command();
                command.args(["-n", "-l", "-i", interface, "-f", "tcp port 443"]);
                command.args(tshark.printing("tls.handshake.type == 1", &TSHARK_FIELDS));
                (command, Some(Format::Tshark))
            }
            Kind::Suricata => {
                let suricata = bench.rivals.suricata.as_ref().context("no Suricata")?;
                let program = suricata.program();
                let (here, there) = Rivals::suricata_folder(program, "ja4sentinel-bench-live")?;
                let mut command = program.command();
                command.arg("-c").arg(there.join("suricata.yaml")).arg("-l").arg(&there);
                command.args(["-S", "/dev/null", "--runmode", "workers", "-k", "none"]);
                command.arg(format!("--af-packet={interface}"));
                sniffer.output = Some((Format::Eve, here.join("eve.json")));
                (command, None)
            }
        };
        if let Some(format) = format {
            sniffer.output = Some((format, out.clone()));
        }
        // Made anew here: what the one before said it had begun with would be taken for this one's word.
        for path in [&out, &sniffer.errors] {
            File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        // Its output goes straight to files: to read it from a pipe would cost us time meanwhile.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "exec >\"$0\" 2>\"$1\"; shift; exec \"$@\""])
            .args([&out, &sniffer.errors]);
        shell.arg(command.get_program()).args(command.get_args());
        sniffer.process = Some(Process::spawn(&mut stage.command(&stage.lab.server, &shell))?);
        sniffer.await_ready()?;
        Ok(sniffer)
    }

    /// Whether it is one that tells of hellos.
    pub(super) fn reports(&self) -> bool {
        self.output.is_some()
    }

    /// Time on the processors up to now: its own, and that of the BPF programs it brought.
    pub(super) fn cpu(&self) -> Duration {
        self.processes().map(|process| usage::cpu(process) + usage::bpf(process)).sum()
    }

    /// The same without what the kernel does for it in BPF programs.
    pub(super) fn own_cpu(&self) -> Duration {
        self.processes().map(usage::cpu).sum()
    }

    /// Memory that it holds, and the most that it held, bytes.
    pub(super) fn memory(&self) -> (u64, u64) {
        let all = self.processes().map(usage::memory);
        all.fold((0, 0), |sum, (now, most)| (sum.0 + now, sum.1 + most))
    }

    /// Waits until no more output comes.
    pub(super) fn settle(&self) -> Result<()> {
        let Some((_, path)) = &self.output else { return Ok(()) };
        let size = || fs::metadata(path).map_or(0, |file| file.len());
        let end = std::time::Instant::now() + LATEST;
        let mut last = size();
        let still = if self.kind == Kind::Agent { STILL } else { STILL_OF_RIVALS };
        loop {
            std::thread::sleep(still);
            let now = size();
            if now == last {
                return Ok(());
            }
            ensure!(
                std::time::Instant::now() < end,
                "{} does not come to an end",
                self.kind.name()
            );
            last = now;
        }
    }

    /// Ends it, and gives the hellos that it reported; `None` when it reports none.
    pub(super) fn stop(mut self) -> Result<Option<Vec<Print>>> {
        if self.kind == Kind::Hook {
            let off = ["qdisc", "del", "dev", SERVER_INTERFACE, "clsact"];
            self.stage.lab.server.run("tc", &off)?;
        }
        let Some(process) = self.process.take() else { return Ok(None) };
        process.signal(libc::SIGINT);
        let finished = process.finish(END);
        let errors = fs::read_to_string(&self.errors).unwrap_or_default();
        ensure!(finished.status.is_some(), "{} does not end", self.kind.name());
        if self.kind == Kind::Agent {
            ensure!(finished.success(), "the agent ended badly: {errors}");
            ensure!(errors.contains("\"ended\""), "the agent has no last word: {errors}");
            ensure!(!errors.contains("does not balance"), "the ledger does not balance: {errors}");
        }
        let Some((format, path)) = &self.output else { return Ok(None) };
        if !path.exists() {
            File::create(path)?;
        }
        output::hellos(*format, path).map(Some)
    }

    /// What it wrote to standard error.
    pub(super) fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    fn processes(&self) -> impl Iterator<Item = u32> {
        let own = self.process.iter().map(Process::id);
        own.flat_map(|own| std::iter::once(own).chain(ja4sentinel_tests::process::descendants(own)))
    }

    fn hook(&self) -> Result<()> {
        let tc = |arguments: &[&str]| self.stage.lab.server.run("tc", arguments);
        tc(&["qdisc", "add", "dev", SERVER_INTERFACE, "clsact"])?;
        // One instruction: return 0, which is "no match".
        let filter = ["filter", "add", "dev", SERVER_INTERFACE, "ingress", "protocol", "all"];
        tc(&[&filter[..], &["bpf", "bytecode", "1,6 0 0 0"]].concat())?;
        Ok(())
    }

    fn await_ready(&mut self) -> Result<()> {
        let is_ready = |sniffer: &Self| match sniffer.kind {
            Kind::Agent => sniffer.errors().contains("\"ready\""),
            // A line of titles, then one for each packet socket.
            _ => {
                let sockets = sniffer.stage.lab.server.run("cat", &["/proc/net/packet"]);
                sockets.is_ok_and(|list| list.lines().count() > 1)
            }
        };
        let mut ended = false;
        wait_until(READY, || {
            ended = self.process.as_mut().is_none_or(|process| !process.is_running());
            ended || is_ready(self)
        });
        if ended || !is_ready(self) {
            bail!("{} does not begin: {}", self.kind.name(), self.errors());
        }
        if self.kind != Kind::Agent {
            std::thread::sleep(CALM);
        }
        Ok(())
    }
}

/// Attaches an empty classifier as the agent attaches its own; an error where the kernel has no TCX.
pub(super) fn bare(stage: &Stage) -> Result<OwnedFd> {
    let attach = || EmptyClassifier::load()?.attach(SERVER_INTERFACE);
    stage.lab.server.inside(attach)?.context("cannot attach an empty classifier")
}
