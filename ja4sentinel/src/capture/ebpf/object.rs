//! The compiled program: embedded, loaded, its tables sized.

use aya::maps::{Map, MapError};
use aya::programs::SchedClassifier;
use aya::{Ebpf, EbpfLoader};
use ja4sentinel_common::Config;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

use super::error::EbpfError;
use super::{Direction, Placement};
use crate::sensor::Settings;

/// The compiled program, as `cargo xtask ebpf build` made it.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../ebpf/ja4sentinel.bpf.o");

/// Its classifiers: for interfaces with an Ethernet header, and for those without a link header.
/// Filters of these names are ours.
pub const PROGRAMS: [&str; 2] = ["ja4sentinel_eth", "ja4sentinel_raw"];

/// What must be known when the program is loaded. The tables' memory is taken at once.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which way the watched packets go.
    pub direction: Direction,
    /// Where the classifier stands among the programs of others.
    pub placement: Placement,
    /// Size of the ring buffer in bytes; rounded up to a power of two of pages.
    pub ring_bytes: u32,
    /// Connections whose payload has begun, about 130 bytes each.
    pub flows: u32,
    /// SYNs that wait for their connection's first payload, about 330 bytes each.
    pub syns: u32,
    /// What can be changed later as well.
    pub config: Config,
}

impl Options {
    /// 20,000 connections a second with hellos of 2 KB need 42 MB/s, so this outlasts a reader that
    /// stalls for 0.4 s.
    pub const RING_BYTES: u32 = 16 * 1024 * 1024;
    /// More than the agent's own table has by default, since entries of settled connections stay.
    pub const FLOWS: u32 = 128 * 1024;
    /// 20,000 connections a second whose payload comes 1.5 s after the SYN.
    pub const SYNS: u32 = 32 * 1024;
    /// Words of the agent that a connection is settled; an entry is needed until the next packet of
    /// its connection.
    const SETTLED: u32 = 16 * 1024;
    /// Fragmented datagrams of other ports, remembered for a second.
    const FRAGMENTS: u32 = 8 * 1024;
}

impl Options {
    /// What fits these settings.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        // Settled connections keep their entry, so there are more of them than the agent tracks.
        let flows = u32::try_from(settings.limits.flows).unwrap_or(u32::MAX / 2);
        Self {
            flows: Self::FLOWS.max(flows.saturating_add(flows / 4)),
            config: config(settings),
            ..Self::default()
        }
    }
}

/// What the program is told while it runs.
pub(super) fn config(settings: &Settings) -> Config {
    let bytes = u32::try_from(settings.limits.bytes_per_hello).unwrap_or(u32::MAX);
    Config {
        // As for the default.
        stream_budget: bytes.saturating_mul(4),
        tunnel_depth: settings.tunnel_depth.into(),
        ..Config::default()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            direction: Direction::default(),
            placement: Placement::default(),
            ring_bytes: Self::RING_BYTES,
            flows: Self::FLOWS,
            syns: Self::SYNS,
            config: Config::default(),
        }
    }
}

/// The loaded object, whose maps are taken out one by one.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) object: Ebpf,
}

impl Loaded {
    /// Takes out a map; its type is that of the caller's choice.
    pub(super) fn map<M: TryFrom<Map, Error = MapError>>(
        &mut self,
        name: &'static str,
    ) -> Result<M, EbpfError> {
        Ok(M::try_from(self.take(name)?)?)
    }

    /// Takes out a map as it is.
    pub(super) fn take(&mut self, name: &'static str) -> Result<Map, EbpfError> {
        self.object.take_map(name).ok_or(EbpfError::Object(name))
    }
}

/// Loads maps and programs into the kernel.
pub(super) fn load(object: &[u8], options: &Options) -> Result<Loaded, EbpfError> {
    // Before 5.11 the kernel counts maps as locked memory. When we may not raise the limit it may
    // still suffice; if not, the error of loading says so.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let mut object = EbpfLoader::new()
        // The program knows no types of the kernel's, whose description takes long to read.
        .btf(None)
        .map_max_entries("EVENTS", options.ring_bytes.max(1))
        .map_max_entries("FLOWS", options.flows)
        .map_max_entries("SYNS", options.syns)
        .map_max_entries("SETTLED", Options::SETTLED)
        .map_max_entries("FRAGMENTS", Options::FRAGMENTS)
        .load(object)?;
    load_programs(&mut object)?;
    let mut config: aya::maps::Array<_, Config> =
        object.map_mut("CONFIG").ok_or(EbpfError::Object("CONFIG"))?.try_into()?;
    config.set(0, options.config, 0)?;
    Ok(Loaded { object })
}

/// Has the programs verified at the same time: most of the time that a start takes goes there.
fn load_programs(object: &mut Ebpf) -> Result<(), EbpfError> {
    let mut loaded = Vec::new();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for (name, program) in object.programs_mut() {
            let Some(name) = PROGRAMS.into_iter().find(|ours| *ours == name) else { continue };
            let program: &mut SchedClassifier = program.try_into()?;
            threads.push((name, scope.spawn(|| program.load())));
        }
        for (name, thread) in threads {
            thread.join().map_err(|_| EbpfError::Object(name))??;
            loaded.push(name);
        }
        Ok::<(), EbpfError>(())
    })?;
    match PROGRAMS.into_iter().find(|name| !loaded.contains(name)) {
        Some(lacking) => Err(EbpfError::Object(lacking)),
        None => Ok(()),
    }
}
