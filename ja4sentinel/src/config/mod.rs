//! Configuration: what was typed in, what is meant out.
//!
//! Four layers, of which the later wins: defaults, file, environment, flags. `yaml` turns the file
//! into a tree that knows where each word stood; `raw` declares every key and holds what was typed;
//! `resolve` fills in the defaults and judges values against each other. Every mistake of every
//! layer is reported at once. Nothing is opened or bound on the way.

mod bpf_filter;
mod interfaces;
mod listen;
mod lists;
mod mistake;
mod raw;
mod reading;
mod resolve;
mod schema;
mod section;
mod values;
mod yaml;

use std::path::{Path, PathBuf};

use crate::capture::ebpf::Placement;
use crate::output::{OutputConfig, SinkConfig};
use crate::sandbox::Mode;
use crate::sensor::Settings;

pub use interfaces::{InterfacePattern, Interfaces};
pub use listen::Listen;
pub use mistake::{Mistake, Mistakes, Place};
pub use schema::schema;

use raw::Raw;
use reading::Reading;
use yaml::{Key, Node, Yaml};

/// How packets are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// eBPF where it works, libpcap where not.
    #[default]
    Auto,
    /// eBPF or nothing.
    Ebpf,
    /// libpcap or nothing.
    Pcap,
}

/// How much the service says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// What needs a hand.
    Error,
    /// What may need one.
    Warn,
    /// What an operator wants to have read.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
    /// Everything.
    Trace,
}

/// For whom service messages on standard error are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogTarget {
    /// For journald, where the service manager has connected standard error to it.
    #[default]
    Auto,
    /// For whoever reads JSON lines, or text on a terminal.
    Stderr,
    /// For journald: JSON lines, each behind its priority.
    Journald,
}

impl LogLevel {
    /// Every level with its name, the most important first.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The level of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, level)| level)
    }
}

/// What the agent gives up once it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// The user to go on as, by name or number, with a group behind a colon if it is another than
    /// the user's; `None` stays.
    pub user: Option<String>,
    /// Whether capabilities that are no longer needed go.
    pub drop_capabilities: bool,
    /// Whether nothing that is executed may gain privileges.
    pub no_new_privileges: bool,
    /// Whether the file system is closed.
    pub landlock: Mode,
    /// Whether system calls are filtered.
    pub seccomp: Mode,
}

impl Default for Privileges {
    fn default() -> Self {
        Self {
            user: None,
            drop_capabilities: true,
            no_new_privileges: true,
            landlock: Mode::Auto,
            seccomp: Mode::Auto,
        }
    }
}

/// A configuration that is valid by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Interfaces to watch.
    pub interfaces: Interfaces,
    /// What the sensors are told.
    pub settings: Settings,
    /// How packets are taken.
    pub backend: Backend,
    /// Where the eBPF program stands among those of others.
    pub placement: Placement,
    /// A further condition on packets, in libpcap's filter language, which accepts it for Ethernet.
    pub bpf_filter: Option<String>,
    /// Whether interfaces are put into promiscuous mode.
    pub promiscuous: bool,
    /// How much the service says about itself.
    pub log_level: LogLevel,
    /// For whom it says it.
    pub log_target: LogTarget,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<Listen>,
    /// The socket that `ja4sentinel stats` asks, if there is to be one.
    pub control: Option<PathBuf>,
    /// Whether interfaces that come later are watched.
    pub follow_interfaces: bool,
    /// What is given up after the set-up.
    pub privileges: Privileges,
    /// Where records go; at least one.
    pub outputs: Vec<OutputConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interfaces: Interfaces::any(),
            settings: Settings::default(),
            backend: Backend::default(),
            placement: Placement::default(),
            bpf_filter: None,
            promiscuous: false,
            log_level: LogLevel::default(),
            log_target: LogTarget::default(),
            metrics: None,
            control: Some(Self::CONTROL.into()),
            follow_interfaces: true,
            privileges: Privileges::default(),
            outputs: vec![OutputConfig::new(SinkConfig::Stdout)],
        }
    }
}

/// What was typed on the command line, as typed; `None` where the flag was not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--interface`.
    pub interface: Option<String>,
    /// `--ports`.
    pub ports: Option<String>,
    /// `--backend`.
    pub backend: Option<String>,
    /// `--bpf-filter`.
    pub bpf_filter: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
}

/// Environment variables and the keys of `core` that they set.
pub const VARIABLES: [(&str, &str); 6] = [
    ("JA4SENTINEL_INTERFACE", "interface"),
    ("JA4SENTINEL_PORTS", "listen_ports"),
    ("JA4SENTINEL_BACKEND", "backend"),
    ("JA4SENTINEL_BPF_FILTER", "bpf_filter"),
    ("JA4SENTINEL_FLOW_TIMEOUT", "flow_timeout_sec"),
    ("JA4SENTINEL_LOG_LEVEL", "log_level"),
];

impl Config {
    /// Where `ja4sentinel stats` looks for an agent.
    pub const CONTROL: &'static str = "/run/ja4sentinel/control.sock";

    /// Reads a configuration: the file's path (for messages) and text, where there is one; the
    /// environment, in which an empty variable counts as not set; the command line.
    ///
    /// # Errors
    /// Every mistake of every layer, each with its place.
    pub fn load(
        file: Option<(&Path, &str)>,
        env: &dyn Fn(&str) -> Option<String>,
        flags: &Overrides,
    ) -> Result<Self, Mistakes> {
        let mut reading = Reading::default();
        let mut raw = Raw::default();
        if let Some((_, text)) = file {
            match yaml::parse(text) {
                Ok(tree) => raw = layer(&tree, &mut reading),
                Err(mistake) => reading.mistakes.push(*mistake),
            }
        }
        let variables = VARIABLES.iter().filter_map(|(variable, key)| {
            let text = env(variable).filter(|text| !text.is_empty())?;
            Some((Place::Variable(variable), *key, text))
        });
        let flags = [
            ("--interface", "interface", &flags.interface),
            ("--ports", "listen_ports", &flags.ports),
            ("--backend", "backend", &flags.backend),
            ("--bpf-filter", "bpf_filter", &flags.bpf_filter),
            ("--log-level", "log_level", &flags.log_level),
        ];
        let flags = flags.into_iter().filter_map(|(flag, key, text)| {
            text.clone().map(|text| (Place::Flag(flag), key, text))
        });
        for (place, key, text) in variables.chain(flags) {
            let later = layer(&core_key(place, key, &text), &mut reading);
            reading::Value::overlay(&mut raw, later);
        }
        let config = resolve::resolve(raw, &mut reading);
        if reading.mistakes.is_empty() {
            return Ok(config);
        }
        reading.mistakes.sort_by_key(|mistake| mistake.place);
        Err(Mistakes { file: file.map(|(path, _)| path.to_owned()), list: reading.mistakes })
    }
}

fn layer(tree: &Node, reading: &mut Reading) -> Raw {
    <Raw as reading::Value>::read(tree, reading).unwrap_or_default()
}

/// The tree of a document that sets one key of `core`.
fn core_key(place: Place, key: &str, text: &str) -> Node {
    let map = |name: &str, value| {
        let key = Key { place, name: name.to_owned() };
        Node { place, value: Yaml::Map(vec![(key, value)]) }
    };
    map("core", map(key, Node::text(place, text)))
}
