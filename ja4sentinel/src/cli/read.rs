//! `ja4sentinel read`: capture files through the same pipeline as live traffic.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ja4sentinel::capture::file::{CaptureFile, Fault, FileError};
use ja4sentinel::capture::{Captured, Source};
use ja4sentinel::sensor::{PortSet, ProxyProtocol, Sensor, Settings};

use super::printer::{Format, Printer};
use super::progress::Progress;
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
}

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
    let mut printer = match Printer::to_standard_output(arguments.format) {
        Ok(printer) => printer,
        Err(error) => return stopped(&error),
    };
    for path in &arguments.files {
        let read = read(path, arguments, &mut printer, &mut summary);
        if let Err(error) = printer.flush() {
            return stopped(&error);
        }
        if let Err(error) = read {
            eprintln!("ja4sentinel: {error}");
            if exit == Exit::Done {
                exit = exit_of(&error.fault);
            }
        }
    }
    eprintln!("ja4sentinel: {summary}");
    exit
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

/// Reads one file to its end or fault, with a sensor of its own; ends early when the printer fails.
fn read(
    path: &Path,
    arguments: &Arguments,
    printer: &mut Printer,
    summary: &mut Summary,
) -> Result<(), FileError> {
    let mut file = CaptureFile::open(path)?;
    summary.files += 1;
    // What comes through a pipe comes when it happens, and is to be seen then.
    printer.flush_each(file.size().is_none());
    let progress = Progress::new(&path.display().to_string(), &file);
    let mut sensor = Sensor::new(settings(arguments), "file");
    let mut packets = 0;
    let ended = loop {
        match file.next() {
            Ok(Some(Captured::Frame(frame))) => {
                sensor.frame(&frame, &mut |outcome| printer.take(&outcome));
            }
            Ok(Some(Captured::Interface { index, name })) => {
                sensor.name_interface(index, name);
                continue;
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
        packets += 1;
        progress.packet(packets, &file);
        if printer.failed() {
            break Ok(());
        }
    };
    sensor.finish(&mut |outcome| printer.take(&outcome));
    summary.packets += packets;
    summary.ledger.merge(&sensor.ledger());
    (summary.records, summary.hellos) = printer.counts();
    ended
}

fn settings(arguments: &Arguments) -> Settings {
    Settings {
        ports: arguments.ports.clone(),
        starttls: arguments.starttls == Switch::On,
        proxy_protocol: match arguments.proxy_protocol {
            Proxy::Off => ProxyProtocol::Off,
            Proxy::Accept => ProxyProtocol::Accept,
            Proxy::Require => ProxyProtocol::Require,
        },
        tunnel_depth: arguments.tunnels,
        report_incomplete: arguments.incomplete,
        ..Settings::default()
    }
}
