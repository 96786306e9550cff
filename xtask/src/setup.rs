//! `cargo xtask setup`: installs what a command needs and this machine lacks, after saying what
//! and why. The commands that need something call [`ensure`] first.

mod chroot;
mod needs;
mod packages;
mod plan;
mod python;

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use ja4sentinel_tests::notice::in_ci;

pub(crate) use chroot::OLDEST;
use needs::Need;
pub(crate) use packages::Manager;
use plan::Plan;
pub(crate) use python::KUBERNETES_VALIDATE;

/// Arguments of `cargo xtask setup`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install without asking
    #[arg(long)]
    yes: bool,
    /// What the machine is to be ready for
    #[arg(long = "for", value_enum, value_name = "WHAT", default_value = "test")]
    purpose: Purpose,
}

/// What a machine can be set up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Purpose {
    /// Building and running the agent
    Run,
    /// `cargo xtask demo`
    Demo,
    /// `cargo xtask test`
    Test,
    /// `cargo xtask differential`, and all tests
    Differential,
    /// `cargo xtask dist`
    Dist,
    /// `cargo xtask dist --check`
    DistCheck,
    /// `cargo xtask deploy`
    Deploy,
    /// `cargo xtask vm`: other kernels in virtual machines
    Vm,
    /// `cargo xtask vm --arch`: machines with another processor
    VmForeign,
    /// `cargo xtask ebpf build`
    Ebpf,
    /// `cargo xtask bench`
    Bench,
    /// `cargo xtask deny`
    Deny,
    /// `cargo xtask bench --instructions`
    Instructions,
    /// Everything that continuous integration runs
    Ci,
}

impl Purpose {
    /// Whether what one of `others` needs is needed for this one too.
    fn includes_any(self, others: &[Self]) -> bool {
        others.iter().any(|other| self.includes(*other))
    }

    /// Whether what `other` needs is needed for this one too.
    fn includes(self, other: Self) -> bool {
        match self {
            Self::Run | Self::Demo | Self::Test | Self::Differential => other <= self,
            Self::Dist => matches!(other, Self::Run | Self::Dist),
            Self::DistCheck => {
                matches!(other, Self::Run | Self::Dist | Self::DistCheck | Self::Vm)
            }
            Self::Deploy => matches!(other, Self::Run | Self::Deploy),
            Self::Vm => matches!(other, Self::Run | Self::Dist | Self::Vm),
            Self::VmForeign => {
                matches!(other, Self::Run | Self::Dist | Self::Vm | Self::VmForeign)
            }
            Self::Ebpf | Self::Deny | Self::Instructions => other == self,
            Self::Bench => matches!(other, Self::Run | Self::Dist | Self::Bench),
            Self::Ci => other != Self::VmForeign,
        }
    }
}

/// Sets up and says how it stands.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    ensure(arguments.purpose, arguments.yes)?;
    println!("set-up: this machine has what it needs");
    Ok(())
}

/// Makes sure that everything is there that `purpose` cannot do without.
///
/// Installs without asking when `yes` is given or in continuous integration; asks on a terminal;
/// elsewhere it stops and names `--yes`. What is merely welcome is offered along with the rest,
/// and never stops anything.
pub(crate) fn ensure(purpose: Purpose, yes: bool) -> Result<()> {
    let missing = Need::missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    let plan = Plan::new(&missing);
    let commands = plan.commands()?;
    say(purpose, &missing, &plan, &commands);
    if !commands.is_empty() && agreed(yes)? {
        plan.carry_out();
        println!("set-up: done\n");
    }
    let still = Need::missing(purpose);
    let (required, welcome): (Vec<_>, Vec<_>) =
        still.into_iter().partition(|need| need.is_required(purpose));
    if !required.is_empty() {
        let names: Vec<_> = required.iter().map(|need| need.name).collect();
        bail!("still missing: {}", names.join(", "));
    }
    for need in welcome {
        eprintln!("set-up: goes on without {} ({})", need.name, need.why);
    }
    Ok(())
}

fn say(purpose: Purpose, missing: &[&Need], plan: &Plan, commands: &[String]) {
    println!("set-up: this machine lacks");
    let width = missing.iter().map(|need| need.name.len()).max().unwrap_or(0);
    for need in missing {
        let weight = if need.is_required(purpose) { "" } else { " (optional)" };
        println!("  {:width$}  {}{weight}", need.name, need.why);
    }
    if !commands.is_empty() {
        println!("These commands install it:");
        for command in commands {
            println!("  {command}");
        }
    }
    for name in plan.by_hand() {
        println!("Install by hand, we know no package of this system for it: {name}");
    }
}

/// Whether to go on and install.
fn agreed(yes: bool) -> Result<bool> {
    if yes || in_ci() {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        println!("Nobody is there to ask: run the commands above, or give --yes.");
        return Ok(false);
    }
    print!("Go on? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}
