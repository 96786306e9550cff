//! `cargo xtask vectors DIR`: what `read` makes of captures whose hellos are known.
//!
//! DIR holds folders of captures with an `expected.tsv` each (or is one such folder): a line a
//! ClientHello, its columns named in the first line. Lines of status `ok` and `xcheck` are
//! asserted; others only explain a record. Records that no line explains are faults, too.

mod comparison;
mod expected;
mod wrapped;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{observed, workspace};
use comparison::Counts;
use expected::Row;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder of folders with an expected.tsv
    #[arg(default_value = "../shared/vectors")]
    directory: PathBuf,
    /// Show the differences of lines that are not asserted as well
    #[arg(long)]
    all: bool,
}

/// Names of captures by their ending.
const CAPTURES: [&str; 3] = ["pcap", "pcapng", "cap"];

/// Reads every capture, prints each difference and a table. An error when there is one.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = workspace::root().join(&arguments.directory);
    let folders = folders(&directory)?;
    let agent = workspace::build_agent()?;
    let mut table = Vec::new();
    for folder in &folders {
        let name =
            folder.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut counts = Counts::default();
        for (capture, rows) in captures(folder)? {
            let path = wrapped::as_capture(&folder.join(&capture), &name)?;
            let records = observed::read(&agent, &path)?;
            let differences = comparison::compare(&rows, &records, arguments.all, &mut counts);
            for difference in differences {
                println!("{name}/{capture}: {difference}");
            }
        }
        table.push((name, counts));
    }
    print(&table);
    let faults: u64 = table.iter().map(|(_, counts)| counts.faults()).sum();
    if faults > 0 {
        bail!("{faults} hellos are wrong, missing or too many");
    }
    Ok(())
}

fn folders(directory: &Path) -> Result<Vec<PathBuf>> {
    let has_expectations = |folder: &Path| folder.join("expected.tsv").is_file();
    if has_expectations(directory) {
        return Ok(vec![directory.to_owned()]);
    }
    let listed = fs::read_dir(directory).with_context(|| {
        format!("cannot read {}; name the folder of vectors", directory.display())
    })?;
    let mut folders: Vec<PathBuf> =
        listed.flatten().map(|entry| entry.path()).filter(|path| has_expectations(path)).collect();
    folders.sort();
    if folders.is_empty() {
        bail!("no folder in {} has an expected.tsv", directory.display());
    }
    Ok(folders)
}

/// Every capture of a folder with its lines; some have none.
fn captures(folder: &Path) -> Result<BTreeMap<String, Vec<Row>>> {
    let mut captures: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| CAPTURES.iter().any(|known| ending == *known)) {
            captures.entry(entry.file_name().to_string_lossy().into_owned()).or_default();
        }
    }
    let mut rows = expected::load(&folder.join("expected.tsv"))?;
    let transport = folder.join("transport.tsv");
    if transport.is_file() {
        rows.extend(expected::load_transport(&transport, "transport.pcap")?);
    }
    for row in rows {
        captures.entry(row.capture()?.to_owned()).or_default().push(row);
    }
    Ok(captures)
}

fn print(table: &[(String, Counts)]) {
    let head = [
        "captures",
        "rows",
        "right",
        "wrong",
        "missing",
        "extra",
        "unasserted",
        "none",
        "quic/dtls",
    ];
    print!("{:16}", "folder");
    for title in head {
        print!("{title:>11}");
    }
    println!();
    for (name, counts) in table {
        print!("{name:16}");
        for number in counts.columns() {
            print!("{number:>11}");
        }
        println!();
    }
    println!(
        "rows: TCP hellos asserted; unasserted: TCP hellos of other status or malformed on purpose; \
         none: lines that say there is no fingerprint; quic/dtls: out of scope"
    );
}
