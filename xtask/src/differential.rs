//! `cargo xtask differential DIR`: the records of any captures, against what tshark and Suricata make
//! of them.
//!
//! Every ClientHello that either side has is compared, connection by connection and in order. It
//! agrees, or it differs as [`deviations`] lists, each with the rule of spec/ja4.md that decides, or it
//! could not be compared, for a reason that is named, or the difference is unexplained: a fault.

mod captures;
mod deviations;
mod hellos;
mod pairing;
mod report;
mod suricata;
mod wireshark;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::setup::{self, Purpose};
use crate::workspace;
use hellos::Own;
use report::Report;

pub(crate) use suricata::Suricata;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Captures (pcap, pcapng, either with gzip), and folders that are searched for them
    #[arg(default_value = "../shared/vectors")]
    places: Vec<PathBuf>,
    /// Show every comparison, those that agree as well
    #[arg(long)]
    all: bool,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

/// Compares every capture and prints the differences and a table. An error when a difference is
/// unexplained, or nothing was compared.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    setup::ensure(Purpose::Differential, arguments.yes)?;
    let wireshark = wireshark::Wireshark::find()?;
    let suricata = Suricata::find().context("no Suricata that knows JA4")?;
    let agent = workspace::build_agent()?;
    let mut reports = [
        Report::new(wireshark.version()?, arguments.all),
        Report::new(suricata.version()?, arguments.all),
    ];
    let root = workspace::root();
    let places: Vec<PathBuf> = arguments.places.iter().map(|place| root.join(place)).collect();
    let work = workspace::target().join("differential");
    let mut count = 0;
    for capture in captures::find(&places)? {
        let name = captures::name(&capture, &places);
        let capture = captures::unpacked(&capture, &work)?;
        compare(&agent, &wireshark, &suricata, &capture, &name, &mut reports)?;
        count += 1;
    }
    println!("\n{count} captures");
    reports.iter().for_each(Report::print);
    if reports.iter().any(Report::is_empty) {
        bail!("nothing was compared");
    }
    let faults: usize = reports.iter().map(Report::faults).sum();
    if faults > 0 {
        bail!("{faults} differences are unexplained");
    }
    Ok(())
}

fn compare(
    agent: &Path,
    wireshark: &wireshark::Wireshark,
    suricata: &Suricata,
    capture: &Path,
    name: &str,
    reports: &mut [Report; 2],
) -> Result<()> {
    let mut own = Own::read(agent, capture)?;
    let [of_wireshark, of_suricata] = reports;
    match wireshark.read(capture, &own) {
        Ok(seen) => of_wireshark.take(name, seen.compare(&mut own)),
        Err(error) => of_wireshark.leave(name, &error),
    }
    match suricata.read(capture) {
        Ok(seen) => of_suricata.take(name, seen.compare(&own)),
        Err(error) => of_suricata.leave(name, &error),
    }
    Ok(())
}
