//! Real TLS clients: a table of programs, how to find each and how to run it.

mod browsers;
mod programs;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Lab;
use crate::process::{Finished, Process, find_program};
use crate::servers::DOMAIN;

/// Variables that would send a client to a proxy of the real network.
const PROXY_VARIABLES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];

/// What a client brings along besides its TLS library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program or an interpreter that makes exactly one connection.
    Tool,
    /// A toolchain that first compiles its client, and so takes long; exactly one connection.
    Toolchain,
    /// A browser: one connection or several, as it sees fit.
    Browser,
}

/// One row of the table.
#[derive(Debug)]
pub struct Client {
    /// Short name, also the first label of the host name that it asks for.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its program, the preferred one first.
    programs: &'static [&'static str],
    /// The protocols that we make it offer (RFC 7301); `None` leaves it to the client.
    pub alpn: Option<&'static [&'static str]>,
    /// How long it may take.
    deadline: Duration,
    /// Adds the arguments that make it connect to the target.
    arguments: fn(&mut Command, &Target<'_>) -> Result<()>,
}

/// Where a client is to connect to.
#[derive(Debug)]
struct Target<'a> {
    lab: &'a Lab,
    /// Host name; it resolves inside the lab, and the client sends it as SNI.
    host: &'a str,
    port: u16,
    /// An empty directory for the client's files.
    scratch: PathBuf,
}

impl Target<'_> {
    fn url(&self) -> String {
        format!("https://{}:{}/", self.host, self.port)
    }

    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Writes a file into the scratch directory and gives its path.
    fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.scratch.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Every client we know, in the order in which they are shown.
pub fn all() -> impl Iterator<Item = &'static Client> {
    programs::CLIENTS.iter().chain(browsers::CLIENTS)
}

/// The clients that this machine has.
pub fn installed() -> impl Iterator<Item = &'static Client> {
    all().filter(|client| client.program().is_some())
}

/// The client of this name.
pub fn by_name(name: &str) -> Option<&'static Client> {
    all().find(|client| client.name == name)
}

impl Client {
    /// Its program, when it is installed.
    pub fn program(&self) -> Option<PathBuf> {
        self.programs.iter().find_map(|name| find_program(name))
    }

    /// The host name it is to ask for by default: `curl.ja4sentinel.test`.
    pub fn host(&self) -> String {
        format!("{}.{DOMAIN}", self.name)
    }

    /// Runs it in the lab's client namespace against `host`, which must be known there
    /// ([`Lab::add_host`]), and waits for its end.
    pub fn run(&self, lab: &Lab, host: &str, port: u16) -> Result<Finished> {
        let program = self.program().with_context(|| format!("{} is not installed", self.name))?;
        let scratch = fresh_directory(&lab.directory(), self.name)?;
        let target = Target { lab, host, port, scratch };
        let mut command = lab.client.command(program);
        for variable in PROXY_VARIABLES {
            command.env_remove(variable);
        }
        command.current_dir(&target.scratch);
        (self.arguments)(&mut command, &target)?;
        Ok(Process::spawn(&mut command)?.finish(self.deadline))
    }
}

/// Makes a directory that was not there before: `NAME`, `NAME-1`, …
fn fresh_directory(parent: &Path, name: &str) -> Result<PathBuf> {
    let mut number = 0;
    loop {
        let last = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
        let path = parent.join(last);
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot make {}", path.display()));
            }
        }
    }
}
