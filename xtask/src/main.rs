//! Every command that a developer or CI runs: `cargo xtask --help`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod apt;
mod architecture;
mod bench;
mod corpus;
mod demo;
mod deny;
mod deploy;
mod differential;
mod dist;
mod ebpf;
mod fuzz;
mod hostile;
mod observed;
mod process;
mod remap;
mod run;
mod setup;
mod soak;
mod static_build;
mod stopwatch;
mod test;
mod tidy;
mod vectors;
mod vm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ja4sentinel_corpus::lists;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Every command that a developer or CI runs", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the agent and its rivals on this machine, and print one table
    Bench(bench::Arguments),
    /// Make captures of generated traffic, with the truth about their hellos beside them
    Corpus(corpus::Arguments),
    /// Show real clients' records, through eBPF, in throw-away network namespaces
    Demo(demo::Arguments),
    /// Check licences, sources and known holes of everything that is built, by cargo-deny
    Deny(deny::Arguments),
    /// Check the service unit, the manifests and the alert rules with the programs they are for
    Deploy(deploy::Arguments),
    /// Compare the records of captures with what tshark and Suricata make of them
    Differential(differential::Arguments),
    /// Build the static program and pack it as users download it
    Dist(dist::Arguments),
    /// Build or check the compiled kernel program
    #[command(subcommand)]
    Ebpf(ebpf::Ebpf),
    /// Run the fuzz targets, each for a while
    Fuzz(fuzz::Arguments),
    /// Read a generated corpus of hostile connections and count right, missing and wrong
    Hostile(hostile::Arguments),
    /// Build the agent and run it on this host's interfaces, JSON records on standard output
    Run(run::Arguments),
    /// Install what a command needs and this machine lacks, after asking
    Setup(setup::Arguments),
    /// Run a program and say what it took: for `bench`
    #[command(hide = true)]
    Stopwatch(stopwatch::Arguments),
    /// Run the agent for long under traffic, faults and changes, and see what it leaves
    Soak(soak::Arguments),
    /// Run all tests, the privileged ones included
    Test(test::Arguments),
    /// Check the rules of the house that neither rustc nor clippy knows
    Tidy,
    /// Read captures whose hellos are known, and compare every record
    Vectors(vectors::Arguments),
    /// Try the kernel program and the agent on other kernels, in virtual machines
    Vm(vm::Arguments),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Corpus(arguments) => corpus::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Deny(arguments) => deny::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Deploy(arguments) => deploy::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Differential(arguments) => {
            differential::run(&arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::Dist(arguments) => dist::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Ebpf(command) => ebpf::run(&command).map(|()| ExitCode::SUCCESS),
        Command::Fuzz(arguments) => fuzz::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Hostile(arguments) => hostile::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Run(arguments) => run::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Stopwatch(arguments) => stopwatch::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tidy => tidy::run().map(|()| ExitCode::SUCCESS),
        Command::Vectors(arguments) => vectors::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Vm(arguments) => vm::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
