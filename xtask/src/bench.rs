//! `cargo xtask bench`: what the agent costs and reaches on the machine at hand, with its rivals
//! beside it in the same run, as one table.
//!
//! No time counts whose output was not held against the truth first.

mod binary;
mod checks;
mod contender;
mod corpora;
mod figure;
mod instructions;
mod kernel;
mod live;
mod machine;
mod micro;
mod offline;
mod output;
mod readme;
mod rivals;
mod scale;
mod score;
mod spread;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use ja4sentinel_tests::interrupt;
use ja4sentinel_tests::process::is_root;

use crate::setup::{self, Purpose};
use crate::{process, static_build, workspace};
use figure::Figure;
use machine::Machine;
use rivals::Rivals;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Everything in small, in less than two minutes: shows that it works, its figures mean little
    #[arg(long)]
    quick: bool,
    /// Parts to measure, all by default
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// How often each thing is measured
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Measure this build of the agent instead of the one that `cargo xtask dist` packs
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Put the table of this run into README.md, where the last one stands
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    readme: bool,
    /// Count the instructions of the core's hot path instead, and hold them against those that are
    /// committed
    #[arg(long, conflicts_with_all = ["quick", "only", "rounds", "agent", "readme"])]
    instructions: bool,
    /// Write the counts down instead
    #[arg(long, requires = "instructions")]
    renew: bool,
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
    /// Everything is built and set up: what this command passes to itself when it becomes root
    #[arg(long, hide = true, requires = "agent")]
    prepared: bool,
}

/// What can be measured by itself, in the order in which a whole run does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The classifier's nanoseconds a packet
    Kernel,
    /// A server's throughput with each watching it, on one CPU
    Server,
    /// Capture files: time against a bare libpcap loop, and memory
    Offline,
    /// Thousands of connections a second over a veth
    Live,
    /// A SYN flood while real clients connect
    Flood,
    /// Parse, fingerprint and the rest of the core, alone
    Micro,
    /// Cost of a hello among many open connections
    Scale,
    /// From a hello's last segment to its line at a UNIX socket
    Latency,
    /// The agent's memory
    Memory,
    /// From start to attached
    Start,
    /// Size of the static binary
    Binary,
}

impl Part {
    /// Builds what it needs beside the agent.
    fn build(self) -> Result<()> {
        match self {
            Self::Kernel => kernel::build(),
            Self::Micro => micro::build(),
            Self::Scale => scale::build(),
            _ => Ok(()),
        }
    }

    fn measure(self, bench: &Bench) -> Result<Vec<Figure>> {
        match self {
            Self::Kernel => kernel::measure(bench),
            Self::Server => live::throughput::measure(bench),
            Self::Offline => offline::measure(bench),
            Self::Live => live::replay::measure(bench),
            Self::Flood => live::flood::measure(bench),
            Self::Micro => micro::measure(bench),
            Self::Scale => scale::measure(bench),
            Self::Latency => live::latency::measure(bench),
            Self::Memory => live::memory::measure(bench),
            Self::Start => live::start::measure(bench),
            Self::Binary => binary::measure(bench),
        }
    }
}

/// Rounds of a full run, and of a quick one.
const ROUNDS: usize = 5;
const QUICK_ROUNDS: usize = 1;

/// What every part works with.
struct Bench {
    /// The agent's program.
    agent: PathBuf,
    rivals: Rivals,
    /// For files that are needed for a while.
    folder: PathBuf,
    rounds: usize,
    quick: bool,
}

impl Bench {
    /// A line about what is being done.
    #[expect(clippy::unused_self, reason = "only who measures has something to say")]
    fn say(&self, what: &str) {
        eprintln!("bench: {what}");
    }
}

/// Sets up and builds as the present user, then measures as root.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    if arguments.instructions {
        return instructions::run(arguments.renew, arguments.yes).map(|()| ExitCode::SUCCESS);
    }
    let folder = workspace::target().join("bench");
    let parts = if arguments.only.is_empty() { Part::value_variants() } else { &arguments.only };
    if !arguments.prepared {
        setup::ensure(Purpose::Bench, arguments.yes)?;
        std::fs::create_dir_all(&folder)?;
        rivals::build(&folder)?;
        parts.iter().try_for_each(|part| part.build())?;
    }
    let agent = match &arguments.agent {
        Some(given) => given.canonicalize().with_context(|| format!("{}", given.display()))?,
        None => static_build::release_agent()?,
    };
    if is_root() {
        let (quick, rivals) = (arguments.quick, Rivals::find(&folder));
        let rounds = arguments.rounds.unwrap_or(if quick { QUICK_ROUNDS } else { ROUNDS });
        ensure!(rounds > 0, "nothing is measured in no rounds");
        perform(arguments, parts, &Bench { agent, rivals, folder, rounds, quick })?;
        return Ok(ExitCode::SUCCESS);
    }
    println!("The rest needs root, for network namespaces and eBPF.");
    let mut command = process::as_root(std::env::current_exe()?)?;
    command.args(std::env::args_os().skip(1)).arg("--prepared");
    if arguments.agent.is_none() {
        command.arg("--agent").arg(&agent);
    }
    interrupt::leave_to_children()?;
    let status = command.status().context("cannot start sudo")?;
    Ok(process::exit_code(status))
}

fn perform(arguments: &Arguments, parts: &[Part], bench: &Bench) -> Result<()> {
    let words = std::env::args().skip(1).filter(|word| word != "--prepared" && word != "--yes");
    let command = ["cargo xtask".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ");
    let machine = Machine::look(command, bench.rivals.versions());
    let (mut figures, mut failed) = (Vec::new(), Vec::new());
    for part in parts {
        let begun = Instant::now();
        // What the others gave is worth seeing: they may have taken half an hour.
        match part.measure(bench) {
            Ok(measured) => figures.extend(measured),
            Err(error) => failed.push(format!("{part:?}: {error:#}")),
        }
        bench.say(&format!("{part:?} took {:.0} s", begun.elapsed().as_secs_f64()));
    }
    println!("\n{}", table::whole(&machine, &figures));
    table::write(&workspace::target(), &machine, &figures)?;
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    if arguments.readme {
        readme::write(&machine, &figures)?;
    }
    Ok(())
}
