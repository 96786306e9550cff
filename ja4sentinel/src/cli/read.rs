//! `ja4sentinel read`: capture files through the same pipeline as live traffic.

use std::io::{self, ErrorKind};
use std::iter;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use clap::{Args, ValueEnum, value_parser};
use ja4sentinel::capture::Source;
use ja4sentinel::capture::file::{CaptureFile, Fault, FileError};
use ja4sentinel::sensor::{Limits, PortSet, ProxyProtocol, Settings};

use super::printer::{Format, Printer};
use super::progress::Progress;
use super::share::{Share, Worker};
use super::shared_file::SharedFile;
use super::summary::Summary;
use super::{Exit, ports};

/// Tunnels in tunnels are rare; four levels are more than any provider's network shows.
const TUNNEL_DEPTH: u8 = 4;

/// Print a record for each TLS client in capture files
///
/// Files are pcap or pcapng, of either byte order, plain or compressed by gzip. Each is read
/// afresh: no connection goes on from one file to the next. Records go to standard output; a
/// summary goes to standard error, and a progress bar as well when that is a terminal and the
/// records go elsewhere.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Capture files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Server ports that are looked at: any, or ports and ranges between commas
    #[arg(long, short, value_name = "any|LIST", default_value = "any", value_parser = ports::parse)]
    ports: PortSet,
    /// How records are printed
    #[arg(long, short, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// Find hellos behind a plain-text beginning (STARTTLS and its like, SOCKS, HTTP CONNECT)
    #[arg(long, value_enum, default_value_t = Switch::On)]
    starttls: Switch,
    /// Tunnels inside each other that are unwrapped (VXLAN, Geneve, GRE, IPIP); 0 for none
    #[arg(long, value_name = "DEPTH", default_value_t = TUNNEL_DEPTH)]
    tunnels: u8,
    /// A PROXY protocol header in front of the hello
    #[arg(long, value_enum, default_value_t = Proxy::Accept)]
    proxy_protocol: Proxy,
    /// Print hellos that could not be fingerprinted, too, each with its reason
    #[arg(long)]
    incomplete: bool,
    /// Threads that share the connections of a file; records of different connections then come in
    /// any order
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=MAX_WORKERS))]
    workers: u16,
}

/// As many cores as a large machine has. More would only wait for each other.
const MAX_WORKERS: i64 = 256;

const AFTER_HELP: &str = "\
Examples:
  ja4sentinel read capture.pcapng
  ja4sentinel read --format text --ports 443,8443 monday.pcap.gz tuesday.pcap.gz
  tcpdump -i eth0 -w - 'tcp port 443' | ja4sentinel read - | jq .ja4

Exit codes:
  0  done
  1  run-time failure
  2  usage or configuration
  3  a capture file is damaged or cut off; the records up to there were printed
  4  a file is no capture at all";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Proxy {
    /// It is no TLS
    Off,
    /// Used when it is there
    Accept,
    /// A connection without one is no record
    Require,
}

/// Reads every file.
#[expect(clippy::print_stderr, reason = "the summary and the faults of a command for the terminal")]
pub(super) fn run(arguments: &Arguments) -> Exit {
    let mut summary = Summary::new();
    let mut exit = Exit::Done;
    let printer = match Printer::to_standard_output(arguments.format) {
        Ok(printer) => printer,
        Err(error) => return stopped(&error),
    };
    if arguments.workers > 1 && arguments.files.iter().any(|path| path.as_os_str() == "-") {
        eprintln!("ja4sentinel: standard input can be read once only: leave --workers out");
        return Exit::Usage;
    }
    for path in &arguments.files {
        let read = read(path, arguments, &printer, &mut summary);
        let error = match read {
            Ok(()) => continue,
            Err(Stopped::Output(error)) => return stopped(&error),
            Err(Stopped::Input(error)) => error,
        };
        eprintln!("ja4sentinel: {error}");
        if exit == Exit::Done {
            exit = exit_of(&error.fault);
        }
    }
    eprintln!("ja4sentinel: {summary}");
    exit
}

/// Why a file was not read to its end.
enum Stopped {
    Input(FileError),
    Output(io::Error),
}

/// Standard output cannot be written. Nothing is wrong when its reader just went away.
#[expect(clippy::print_stderr, reason = "see above")]
fn stopped(error: &io::Error) -> Exit {
    if error.kind() == ErrorKind::BrokenPipe {
        return Exit::Done;
    }
    eprintln!("ja4sentinel: standard output cannot be written: {error}");
    Exit::Failed
}

fn exit_of(fault: &Fault) -> Exit {
    match fault {
        Fault::Open(_) | Fault::Read { .. } => Exit::Failed,
        Fault::Cut { .. } | Fault::Damaged { .. } => Exit::Damaged,
        Fault::NotACapture { .. } => Exit::NotACapture,
    }
}

/// Reads one file to its end or fault.
fn read(
    path: &Path,
    arguments: &Arguments,
    printer: &Printer,
    summary: &mut Summary,
) -> Result<(), Stopped> {
    let file = CaptureFile::open(path).map_err(Stopped::Input)?;
    summary.files += 1;
    let progress = Progress::new(&path.display().to_string(), &file);
    let mut printer = printer.beside();
    // What comes through a pipe comes when it happens, and is to be seen then.
    printer.flush_each(file.size().is_none());
    let (shares, read) = if arguments.workers == 1 {
        let (share, read) = alone(file, Worker::new(arguments, printer), &progress);
        (vec![share], read)
    } else {
        together(file, arguments, &printer, &progress)
    };
    let mut printed = Ok(());
    for share in shares {
        summary.packets += share.packets;
        summary.records += share.records;
        summary.hellos += share.hellos;
        summary.ledger.merge(&share.ledger);
        printed = printed.and(share.printed);
    }
    printed.map_err(Stopped::Output).and(read.map_err(Stopped::Input))
}

/// One worker reads the file by itself.
fn alone(
    mut file: CaptureFile,
    mut worker: Worker,
    progress: &Progress,
) -> (Share, Result<(), FileError>) {
    let mut passed = 0;
    let read = loop {
        match file.next() {
            Ok(Some(captured)) => {
                if !worker.take(captured) {
                    break Ok(());
                }
                passed += 1;
                progress.packet(passed, &file);
            }
            Ok(None) => break Ok(()),
            Err(fault) => break Err(fault),
        }
    };
    (worker.finish(), read)
}

/// Several workers share it.
fn together(
    file: CaptureFile,
    arguments: &Arguments,
    printer: &Printer,
    progress: &Progress,
) -> (Vec<Share>, Result<(), FileError>) {
    let file = SharedFile::new(file, arguments.workers.into(), progress);
    let share = |number: usize| {
        let mut worker = Worker::new(arguments, printer.beside());
        let part = file.part(number);
        while let Some(block) = part.next()
            && block.part(number).all(|captured| worker.take(captured))
        {
            part.done(block);
        }
        drop(part);
        worker.finish()
    };
    let shares = thread::scope(|scope| {
        let share = &share;
        let others: Vec<_> = (1..arguments.workers)
            .map(|number| scope.spawn(move || share(number.into())))
            .collect();
        let first = share(0);
        let others = others
            .into_iter()
            .map(|share| share.join().unwrap_or_else(|panic| resume_unwind(panic)));
        iter::once(first).chain(others).collect()
    });
    (shares, file.ended())
}

impl Arguments {
    /// What each worker's sensor does. Together they hold as much as one alone would.
    pub(super) fn settings(&self) -> Settings {
        let whole = Limits::default();
        let part = |limit: usize| limit.div_ceil(usize::from(self.workers));
        Settings {
            ports: self.ports.clone(),
            starttls: self.starttls == Switch::On,
            proxy_protocol: match self.proxy_protocol {
                Proxy::Off => ProxyProtocol::Off,
                Proxy::Accept => ProxyProtocol::Accept,
                Proxy::Require => ProxyProtocol::Require,
            },
            tunnel_depth: self.tunnels,
            report_incomplete: self.incomplete,
            limits: Limits {
                flows: part(whole.flows),
                reassembly_bytes: part(whole.reassembly_bytes),
                ..whole
            },
            ..Settings::default()
        }
    }
}
